"""Whoever observes this process: which loops run, and the door of each.

Of asyncio one method is ours from `install` on: `run_forever`, which is called once for each run of a loop and says so
here. A loop that runs has our listening socket in its selector; that is all there is until an inspector knocks. The
socket is made when the first loop of asyncio's own runs: a process that has none is found by nobody.

Where somebody attaches to a process that knows nothing of us (`let_in`), all of this is there until the last inspector
leaves, and then nothing of it is.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from streamscope.link.resting import say as say_that_it_rests
from streamscope.observe.doorway import folder, listen, path_of
from streamscope.observe.exchange import Exchange
from streamscope.observe.stuck_loops import answers
from streamscope.observe.watching import Watching
from streamscope.telling import say


class Door:
    """A listening socket, for one loop after the other; `number` is the place of the loop among those that run."""

    def __init__(self, number: int, left: Callable[[], None]) -> None:
        """`left` is called when the last inspector of the loop has left."""
        self.number = number
        self._left = left
        self.path = path_of(os.getpid(), number)
        self._listener: socket.socket | None = listen(self.path)
        self._loop: weakref.ref[Any] | None = None
        self._watching: Watching | None = None
        self._runs = False
        self._begun = 0

    def is_for(self, loop: Any) -> bool:
        """Whether it is this loop's already."""
        return self._loop is not None and self._loop() is loop

    @property
    def is_free(self) -> bool:
        """Whether it is no loop's that can run again."""
        loop = None if self._loop is None else self._loop()
        return loop is None or loop.is_closed()

    @property
    def is_watched(self) -> bool:
        """Whether an inspector is there."""
        return self._watching is not None

    def take(self, loop: Any) -> None:
        """It is this loop's from now on."""
        if not self.is_for(loop):
            self._loop = weakref.ref(loop)
            self._begun = time.monotonic_ns() - 1

    def enter(self, loop: Any) -> None:
        """The loop runs, in this thread."""
        self.take(loop)
        self._runs = True
        say_that_it_rests(self.path, rests=False)
        if threading.current_thread() is threading.main_thread():
            answers.main_runs(loop)
        if self._watching is None:
            self._wait()

    def leave(self) -> None:
        """It runs no more, for now."""
        loop = None if self._loop is None else self._loop()
        self._runs = False
        if self._listener is not None:
            say_that_it_rests(self.path, rests=True)
        if self._watching is None and self._listener is not None and loop is not None and not loop.is_closed():
            loop._remove_reader(self._listener.fileno())

    def _wait(self) -> None:
        loop = None if self._loop is None else self._loop()
        if self._runs and loop is not None and self._listener is not None and not loop.is_closed():
            loop._add_reader(self._listener.fileno(), self._knocked)

    def _knocked(self) -> None:
        loop = None if self._loop is None else self._loop()
        if loop is None or self._listener is None or self._watching is not None:
            return
        loop._remove_reader(self._listener.fileno())
        try:
            self._watching = Watching(loop, self.number, self._begun, self._listener, self.path, self._nobody_left)
            self._watching.begin()
            self._watching.look()  # who has knocked may have gone again
        except Exception as error:  # a selector that takes no attributes, for one
            self.close()
            say(f"this loop is not observed: {type(error).__name__}: {error}")

    def _nobody_left(self, open_again: bool) -> None:
        self._watching = None
        if open_again:
            self._wait()
        else:
            self.close()
        self._left()

    def shut(self) -> None:
        """Nobody is to come any more; called in any thread."""
        loop = None if self._loop is None else self._loop()
        if loop is None or loop.is_closed():
            self.close()
        elif loop.is_running() and loop._thread_id != threading.get_ident():
            loop.call_soon_threadsafe(self._shut)
        else:
            self._shut()

    def _shut(self) -> None:
        if self._watching is None:
            self.leave()
            self.close()

    def end(self) -> None:
        """The process ends."""
        if self._watching is not None:
            self._watching.end("the program has ended")
        self.close()

    def close(self) -> None:
        """Nobody can come any more."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
            try:
                os.unlink(self.path)
            except OSError:
                pass

    def forget(self) -> None:
        """In a child that was forked: the socket is the parent's."""
        if self._watching is not None:
            self._watching.forget()
            self._watching = None
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()


class Observer:
    """The doors of this process. One that `stays` does so whoever comes and goes."""

    def __init__(self, stays: bool) -> None:
        self.stays = stays
        self._doors: list[Door] = []
        self._lock = threading.Lock()
        self._exchange = Exchange()
        self._pid = os.getpid()

    def begin(self) -> None:
        """Hear of every loop that runs. Raises DoorwayError where none could be found."""
        from asyncio import base_events

        folder()
        self._exchange.put(base_events.BaseEventLoop, {"run_forever": _announced(self, base_events.BaseEventLoop)})
        _hear_of_forks()
        atexit.register(self._exit)

    def let_in(self, loops: list[Any]) -> str:
        """Where inspectors come to the first of these, which run in whatever threads: each opens when it comes round.
        Raises DoorwayError.
        """
        with self._lock:
            doors = [self._door_for(loop) for loop in loops]
            for door, loop in zip(doors, loops):
                door.take(loop)
                loop.call_soon_threadsafe(door.enter, loop)
        return doors[0].path

    def _left(self) -> None:
        """The last inspector of a loop has left."""
        if not self.stays and not any(door.is_watched for door in self._doors):
            self.end()

    def end(self) -> None:
        """Nothing of us is here any more."""
        global _observer
        self._exchange.undo()
        atexit.unregister(self._exit)
        for door in self._doors:
            door.shut()
        self._doors.clear()
        if _observer is self:
            _observer = None

    def enter(self, loop: Any) -> Door | None:
        """The loop runs in this thread from now on; returns its door, None if it can have none."""
        if getattr(loop, "_selector", None) is None or not hasattr(loop, "_add_reader"):
            return None
        try:
            with self._lock:
                door = self._door_for(loop)
                door.enter(loop)
                return door
        except Exception as error:
            say(f"this loop is not observed: {error}")
            return None

    def _door_for(self, loop: Any) -> Door:
        for door in self._doors:
            if door.is_for(loop):
                return door
        for door in self._doors:
            if door.is_free:
                door.take(loop)
                return door
        self._doors.append(Door(len(self._doors) + 1, self._left))
        self._doors[-1].take(loop)
        return self._doors[-1]

    def forked(self) -> None:
        """A child is a process of its own: its loops get doors under its own number."""
        try:
            for door in self._doors:
                door.forget()
            self._doors.clear()
            answers.forget()
            self._lock = threading.Lock()
            self._pid = os.getpid()
        except Exception as error:
            say(f"this process is not observed: {error}")

    def _exit(self) -> None:
        if os.getpid() == self._pid:
            for door in self._doors:
                try:
                    door.end()
                except Exception as error:
                    say(f"the end of this process was not told: {error}")


def _announced(observer: Observer, kind: Any) -> Callable[[Any], None]:
    original = kind.run_forever

    def run_forever(self: Any) -> None:
        """Run until stop() is called."""
        door = observer.enter(self)
        try:
            original(self)
        finally:
            if door is not None:
                door.leave()

    return run_forever


_observer: Observer | None = None
_hears_of_forks = False


def _hear_of_forks() -> None:
    """That cannot be taken back, so it is done once, whoever observes later."""
    global _hears_of_forks
    if not _hears_of_forks:
        _hears_of_forks = True
        os.register_at_fork(after_in_child=lambda: None if _observer is None else _observer.forked())


def install() -> None:
    """See `streamscope.observe.install`."""
    from asyncio import events

    observer = _begun(stays=True)
    running = events._get_running_loop()
    if running is not None:
        observer.enter(running)


def let_in(loops: list[Any]) -> str:
    """Let inspectors into these loops, until the last of them has left; returns where they come to the first. Raises
    DoorwayError.
    """
    return _begun(stays=False).let_in(loops)


def _begun(stays: bool) -> Observer:
    global _observer
    if _observer is None:
        observer = Observer(stays)
        observer.begin()
        _observer = observer
    _observer.stays = _observer.stays or stays
    return _observer
