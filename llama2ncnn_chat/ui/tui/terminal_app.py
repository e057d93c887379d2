"""An app on a terminal: no text commands it, which comes back after an error without a traceback.

Knows no screen and no chat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from textual.filter import LineFilter

from ..title import Title
from .pictures import PacedApp
from .safe_lines import SafeLines

SAFE_LINES = SafeLines()


class TerminalApp(PacedApp, inherit_bindings=False):
    """Leaves bindings and screens to who inherits of it."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's, and one after which no text commands the terminal."""
        return [*super().get_line_filters(), SAFE_LINES]

    def command_terminal(self, sequence: str) -> None:
        """Write an escape sequence of our own, where there is a terminal."""
        if self._driver:
            self._driver.write(sequence)

    def show_title(self, text: str) -> None:
        """Show a text as the title of the window, where it is ours to set."""
        title = getattr(self._driver, "title", None)
        if isinstance(title, Title):
            title.show(text)

    def _fatal_error(self) -> None:
        """Leave without the traceback of Textual's, which shows the values of variables."""
        self.panic()

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """Give the terminal away inside, as Textual does; but take it back after an error, too."""
        failure: BaseException | None = None
        with super().suspend():
            try:
                yield
            except BaseException as e:  # noqa: BLE001 (raised below)
                failure = e
        if failure:
            raise failure
