"""The row under the conversation, which says how much more there is below what is seen.

It is always there, so that nothing moves when it has something to say.
"""

from __future__ import annotations

from textual.message import Message
from textual.widgets import Static


class MoreBelow(Static):
    """``show`` draws what there is; empty: nothing."""

    class Clicked(Message):
        """The reader wants to go to the end."""

    def __init__(self) -> None:
        super().__init__(id="more-below")
        self.visible = False

    def show(self, more: str) -> None:
        """Say how much there is, such as ``12 more lines``."""
        self.update(f"▾ {more}")
        self.visible = bool(more)

    def on_click(self) -> None:
        self.post_message(self.Clicked())
