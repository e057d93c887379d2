"""The list of suggestions above the prompt. Draws what it is given; knows no command."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...chat.completion import Suggestion
from .status import MUTED

MOST_ROWS, ROWS_BELOW = 8, 7
"""Of the list, and those that the prompt and what stands below it take of a screen."""


class SuggestionList(OptionList, can_focus=False):
    """Shown while there is anything to suggest."""

    def __init__(self) -> None:
        super().__init__(id="suggestions", compact=True)
        self._suggestions: list[Suggestion] = []

    def show(self, suggestions: Sequence[Suggestion]) -> None:
        """Show these instead of those before."""
        self._suggestions = list(suggestions)
        self.clear_options()
        self.styles.max_height = max(1, min(MOST_ROWS, self.screen.size.height - ROWS_BELOW))
        width = max((cell_len(s.label) for s in suggestions), default=0)
        self.add_options(
            Option(Content.assemble(set_cell_size(s.label, width) + "  ", (s.about, MUTED)))
            for s in suggestions
        )
        self.highlighted = None  # nothing is chosen yet
        self.display = bool(suggestions)

    @property
    def current(self) -> Suggestion | None:
        """The highlighted suggestion, or else the first; None while there are none."""
        return self._suggestions[self.highlighted or 0] if self._suggestions else None

    def move_highlight(self, step: int) -> None:
        """Move the highlight up or down, around the ends."""
        if self._suggestions:
            before = (-1 if step > 0 else 0) if self.highlighted is None else self.highlighted
            self.highlighted = (before + step) % len(self._suggestions)
