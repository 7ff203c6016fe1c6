"""`streamscope lesson`: what libuv's streams do, step by step."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from streamscope.commands.clicks import Group, click
from streamscope.commands.parameters import CONTEXT, Whole
from streamscope.language import tr
from streamscope.telling import CommandFailed, show

if TYPE_CHECKING:
    from pathlib import Path

    from streamscope.lessons.claims import JudgedClaim


writing_over = click.option("--force", is_flag=True, help="Write over what is there already.")


class Lessons(Group):
    """What can be done with lessons; any other word is the name of one, which is opened."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words name; a lesson's name is opened."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["open", *args]
        return super().resolve_command(ctx, args)


@click.group(
    cls=Lessons,
    context_settings=CONTEXT,
    invoke_without_command=True,
    subcommand_metavar="[NAME | FILE.py | COMMAND …]",
    epilog="Lessons can be written: docs/lessons.md says how.",
)
@click.pass_context
def lesson(ctx: click.Context) -> None:
    """See what libuv's streams do, step by step: every section of the chapter, played on real sockets, to go through
    forwards and backwards. Without a name, the lessons are listed.
    """
    if ctx.invoked_subcommand is None:
        _list()


def _list() -> None:
    import shutil

    from rich.cells import cell_len

    from streamscope.lessons import LESSONS, REAL, load, load_real
    from streamscope.lessons.step import Lesson, RealLesson
    from streamscope.ui.safe import fit, visible

    lessons: list[Lesson | RealLesson] = [*map(load, LESSONS), *map(load_real, REAL)]
    width = max(len(each.name) for each in lessons)
    sections = max(cell_len(tr(each.section)) for each in lessons)
    for each in lessons:
        without = ""
        if isinstance(each, RealLesson) and not shutil.which(each.needs):
            without = tr(" ({program} is not installed)", program=each.needs)
        show(f"{each.name:{width}}  {fit(visible(tr(each.section)), sections)}  {tr(each.title)}{without}")


@lesson.command("open", context_settings=CONTEXT, hidden=True)
@click.argument("name", metavar="NAME | FILE.py")
@click.option("--quiz", is_flag=True, help="Be asked before each step what it will change; z does so too.")
@click.option("--present", is_flag=True, help="For a classroom: one idea a screen, large; + and - do so too.")
@click.option("--export", "folder", metavar="DIR", type=click.Path(file_okay=False),
              help="Instead, write a page of HTML that needs nothing else, and a picture of each step.")  # fmt: skip
def open_lesson(name: str, quiz: bool, present: bool, folder: str | None) -> None:
    """Open a lesson on the screen. n goes from step to step, → and ← from event to event."""
    from functools import partial

    from streamscope.launch import run_on_lesson
    from streamscope.lessons.files import find, played
    from streamscope.lessons.performing import LessonError

    try:
        if folder is not None:
            _export(name, folder)
            return
        sys.exit(run_on_lesson(partial(played, find(name)), quiz=quiz, present=present))
    except LessonError as error:
        raise CommandFailed(str(error), 1) from error


def _export(name: str, folder: str) -> None:
    from pathlib import Path

    from streamscope.lessons.files import play
    from streamscope.ui.course import Course
    from streamscope.ui.lesson_page import write_pages

    performance = play(name)
    try:
        page, *pictures = write_pages(Course(performance), Path(folder))
    except OSError as error:
        raise CommandFailed(tr("--export {folder}: {why}", folder=folder, why=error.strerror), 1) from error
    finally:
        performance.close()
    show(tr("{page} is written, and {count} pictures beside it", page=page, count=len(pictures)))


@lesson.command("check", context_settings=CONTEXT)
@click.argument("lesson", metavar="FILE.py | NAME")
def check_lesson(lesson: str) -> None:
    """Play a lesson and say of every claim whether it is so; status 1 if one is not."""
    from streamscope.lessons.claims import examine
    from streamscope.lessons.files import play
    from streamscope.lessons.performing import LessonError

    try:
        performance = play(lesson)
        examined = examine(performance)
    except LessonError as error:
        raise CommandFailed(str(error), 1) from error
    performance.close()
    for number, (moment, claims) in enumerate(zip(performance.moments, examined), 1):
        show(f"{number:3}  {tr(moment.step.title)}")
        for found in claims:
            show(f"     {_outcome(found)}")
    every = [found for claims in examined for found in claims]
    wrong = sum(not found.holds for found in every)
    show("")
    counts = {"steps": len(examined), "claims": len(every)}
    if wrong:
        show(tr("{steps} steps, {claims} claims, {wrong} of them not so", **counts, wrong=wrong))
        raise CommandFailed(tr("{wrong} of {claims} claims are not so", wrong=wrong, claims=len(every)), 1)
    show(tr("{steps} steps, {claims} claims, all of them so", **counts))


@lesson.command("new", context_settings=CONTEXT)
@click.argument("name")
@writing_over
def new_lesson(name: str, force: bool) -> None:
    """Write the skeleton of a lesson into NAME.py, with a word on each of its parts; it runs."""
    from streamscope.lessons.files import write_new
    from streamscope.lessons.performing import LessonError

    try:
        path = write_new(name, force=force)
    except LessonError as error:
        raise CommandFailed(str(error)) from error
    _say_what_now(path)


@lesson.command("from", context_settings=CONTEXT)
@click.argument("file", metavar="FILE.scope", type=click.Path())
@click.option("--stream", type=Whole(1, 999_999_999_999), metavar="N", required=True, help="The stream it is about.")
@click.option("--name", metavar="NAME", default="", help="What the lesson is called.  [default: after FILE]")
@writing_over
def lesson_from(file: str, stream: int, name: str, force: bool) -> None:
    """Write a lesson that walks the recorded past of a stream: NAME.py, and beside it NAME.scope, part of the trace."""
    from pathlib import Path

    from streamscope.lessons.files import write_recorded
    from streamscope.lessons.performing import LessonError
    from streamscope.lessons.recorded import default_name

    try:
        path = write_recorded(Path(file), stream, name or default_name(Path(file)), force=force)
    except LessonError as error:
        raise CommandFailed(str(error), 1) from error
    _say_what_now(path)


def _say_what_now(path: Path) -> None:
    show(tr("{path} is written: streamscope lesson check {path}, streamscope lesson ./{path}", path=path))


def _outcome(found: JudgedClaim) -> str:
    if found.holds:
        return f"✓ {found.claim.text}{tr(' (engine only)') if found.engine_only else ''}"
    why = tr("no such event came in this step") if found.of_events else found.instead or tr("nobody can know")
    return f"✗ {tr('{claim}: {instead}', claim=found.claim.text, instead=why)}"
