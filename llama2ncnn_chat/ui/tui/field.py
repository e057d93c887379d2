"""A line to type into whose cursor stands still: one that blinks wakes the program twice a second.

Knows nothing of what is typed.
"""

from __future__ import annotations

from typing import Any

from textual.widgets import Input


class Field(Input):
    """Textual's ``Input``, with its arguments."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self.cursor_blink = False
