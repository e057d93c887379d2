"""What is seen of the program by a person who looks elsewhere: the title of its window, with a mark
while it works, and a call when what took long is done.

Knows no face, which tells it what goes on, and no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .alert import alert

WORKING = "●"


class Window:
    """``write`` has the terminal do something, ``set_title`` is given the title's text.

    Who looks elsewhere is called by what takes ``notify`` seconds or longer, by nothing if None;
    ``in_front`` tells whether anybody does.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        set_title: Callable[[str], object],
        in_front: Callable[[], bool],
        notify: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._set_title, self._in_front = write, set_title, in_front
        self._notify, self._clock = notify, clock
        self._began: float | None = None  # None while it doesn't work

    def show(self, name: str, *, works: bool) -> None:
        """Show what it is about, and whether it works on a reply."""
        self._set_title(f"{WORKING} {name}" if works else name)
        if works and self._began is None:
            self._began = self._clock()
        elif not works and self._began is not None:
            took, self._began = self._clock() - self._began, None
            if self._notify is not None and took >= self._notify and not self._in_front():
                self._write(alert(f"the reply is there: {name}"))


UNSEEN = Window(lambda _: None, lambda _: None, lambda: True, None)
"""Where there is no window, or none that could be told anything."""
