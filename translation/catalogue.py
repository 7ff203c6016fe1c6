"""The catalogue of a language: one file of GNU gettext's a room, and what is compiled of all of them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from streamscope.language import LOCALE
from translation.messages import Message


def folder_of(language: str) -> Path:
    """Where the catalogue of the language lies."""
    return Path(LOCALE) / language


def read(language: str) -> dict[str, str]:
    """English → the language, of all rooms; "" for what has not been said in it yet."""
    said: dict[str, str] = {}
    for path in sorted(folder_of(language).glob("*.po")):
        with path.open("rb") as file:
            for entry in read_po(file, language):
                if entry.id:
                    one = entry.id[0] if isinstance(entry.id, tuple) else entry.id
                    text = entry.string[0] if isinstance(entry.string, tuple) else entry.string
                    said[str(one)] = text or said.get(str(one), "")
    return said


def texts(language: str, messages: Iterable[Message], said: dict[str, str]) -> dict[str, bytes]:
    """What each file of the catalogue is to hold, by its name."""
    whole = _empty(language)
    rooms: dict[str, Catalog] = {}
    for message in messages:
        room = rooms.setdefault(message.room, _empty(language))
        key = (message.text, message.many) if message.many else message.text
        text = said.get(message.text, "")
        value = (text,) if message.many else text
        room.add(key, value)
        if text:
            whole.add(key, value)
    files: dict[str, bytes] = {}
    for name, room in sorted(rooms.items()):
        out = io.BytesIO()
        write_po(out, room, width=120, omit_header=False, sort_output=False)
        files[f"{name}.po"] = out.getvalue()
    out = io.BytesIO()
    write_mo(out, whole)
    files["streamscope.mo"] = out.getvalue()
    return files


def write(language: str, files: dict[str, bytes]) -> None:
    """Write them, and take away what no room has any more."""
    folder = folder_of(language)
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.po"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_bytes(text)


def _empty(language: str) -> Catalog:
    from datetime import UTC, datetime

    once = datetime(2026, 11, 30, tzinfo=UTC)  # what changes with the clock would make each run another commit
    return Catalog(
        locale=language, domain="streamscope", project="streamscope", version="1", charset="utf-8", fuzzy=False,
        creation_date=once, revision_date=once, header_comment=f"# streamscope's words in {language}",
    )  # fmt: skip
