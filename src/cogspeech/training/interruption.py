"""Ctrl-C and SIGTERM wait for the end of an optimizer step, so that a checkpoint can be written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """What has been asked for while signals wait."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._handlers: dict[int, Any] = {}

    @property
    def is_asked(self) -> bool:
        """Whether a signal waits."""
        return self._asked is not None

    def deliver(self) -> None:
        """Lets the signal that waits do what it would have done: mostly, end the process."""
        asked, self._asked = self._asked, None
        if asked is not None:
            self._give_back()
            signal.raise_signal(asked)
            self.begin()  # whoever handles it wants to go on

    def begin(self) -> None:
        """From now on signals wait; one that was ignored still is."""
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if handler not in (signal.SIG_IGN, None):
                self._handlers[number] = handler
                signal.signal(number, self._note)

    def end(self) -> None:
        """Signals work as before, and the one that waits is delivered."""
        asked, self._asked = self._asked, None
        self._give_back()
        if asked is not None:
            signal.raise_signal(asked)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.is_asked:  # the second time: at once
            self._asked = None
            self._give_back()
            signal.raise_signal(number)
            return
        self._asked = number

    def _give_back(self) -> None:
        while self._handlers:
            signal.signal(*self._handlers.popitem())


@contextmanager
def signals_wait() -> Iterator[Interruption]:
    """Signals wait inside; outside the main thread, where there are none, nothing happens."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    interruption.begin()
    try:
        yield interruption
    finally:
        interruption.end()
