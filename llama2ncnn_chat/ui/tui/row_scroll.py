"""A long path of rows to scroll in: those near the reader are widgets, the others only data.

It stays at the bottom while the reader is there and never moves otherwise. Knows rows and how to
draw them; neither which is selected nor what may be done about one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import takewhile
from typing import Literal

from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widget import AwaitMount
from textual.widgets import Static

from ...events import Row
from ..terminal import wrap_hanging
from .status import MUTED
from .turn_view import TurnView

PAGE, STEP = 8, 2
"""Turns that are widgets at first, and how many become it at a time: few enough to open instantly
and to scroll smoothly."""
FAR = 3
"""Screens; a turn that is farther away from the reader is no widget any more."""


Kind = Literal["note", "complaint", "printed"]
PRINTS = "Notice.complaint, Notice.printed"


class Notice(Static):
    """Something said beside the conversation: a note, what went wrong, what a command prints.

    The last one stands under the command, and is there until it is cleared.
    """

    def __init__(self, text: str, kind: Kind, command: str = "") -> None:
        self._text = text
        heading = f"{command}   esc clears this\n" if command else ""
        self._heading = Content.styled(heading, MUTED)
        super().__init__(self._heading + Content(text), classes=kind)

    def on_resize(self) -> None:
        self.update(self._heading + Content(wrap_hanging(self._text, self.content_size.width)))


class RowScroll(VerticalScroll, can_focus=True):
    """``show`` draws a path, ``add_notice`` says something after it.

    ``below`` says how much there is that the reader doesn't see yet; empty at the end.
    """

    below: reactive[str] = reactive("", init=False)

    def __init__(self) -> None:
        super().__init__(id="transcript")
        self._rows: list[Row] = []
        self._first = self._last = 0  # the rows that are widgets
        self._floor = 0  # the rows before were cleared off, until the reader wants them
        self._extending = False
        self._changing = asyncio.Lock()  # of what widgets there are: each change takes its time

    def on_mount(self) -> None:
        self.anchor()

    def row_of(self, id: int | None) -> Row | None:
        """Find the row of a turn."""
        rows = self._rows if id is not None else ()
        return next((row for row in rows if row.id == id), None)

    async def show(self, rows: Sequence[Row]) -> None:
        """Draw this path, where the reader is; views that are right already stay as they are."""
        async with self._changing:
            at_end, wrong = self._last == len(self._rows), None
            for i, view in enumerate(self._views()):
                at = self._first + i
                if at < len(rows) and view.row.id == rows[at].id:
                    view.update_row(rows[at])
                else:
                    wrong = view
                    break
            self._rows = list(rows)
            with self.app.batch_update():
                if wrong:
                    await self._remove_from(wrong)
                if not self._views():
                    self._floor = min(self._floor, len(rows))
                    self._first = max(self._floor, len(rows) - PAGE)
                self._last = self._first + len(self._views())
                if at_end or wrong:
                    await self._mount_rows(self._last, min(len(rows), self._last + PAGE))
            self.call_after_refresh(self._extend_if_near_edge)
            self.call_after_refresh(self._count_below)

    async def reset(self) -> None:
        """Remove everything, for another conversation."""
        async with self._changing:
            self._rows, self._first, self._last, self._floor = [], 0, 0, 0
            await self.remove_children()
        self.anchor()

    async def clear(self) -> None:
        """Empty the screen; the conversation is still there, above."""
        async with self._changing:
            await self.remove_children()
            self._first = self._last = self._floor = len(self._rows)
        self.anchor()

    async def add_notice(self, text: str, kind: Kind = "note", command: str = "") -> None:
        """Say something after what is there."""
        async with self._changing:
            await self._to_end()
            await self.mount(Notice(text, kind, command))

    @property
    def has_prints(self) -> bool:
        """Whether anything stands there that ``clear_prints`` would remove."""
        return bool(self.query(PRINTS))

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a turn nor a notice."""
        return not self._rows and not self.query(Notice)

    async def clear_prints(self) -> None:
        """Remove all notices but those about the conversation itself."""
        async with self._changing:
            await self.query(PRINTS).remove()

    @property
    def last_view(self) -> TurnView | None:
        """The view of the path's last turn."""
        views = self._views()
        return views[-1] if views and self._last == len(self._rows) else None

    async def to_end(self) -> None:
        """Scroll to the end, and stay there as it grows."""
        async with self._changing:
            await self._to_end()

    def page(self, pages: int) -> None:
        """Scroll by so many screens."""
        self._floor = 0
        self._extend_if_near_edge()
        if self.max_scroll_y > 0:
            self.scroll_relative(y=pages * (self.size.height - 2), animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._extend_if_near_edge()
        self.call_after_refresh(self._count_below)

    def watch_virtual_size(self) -> None:
        self.call_after_refresh(self._count_below)

    def on_resize(self) -> None:
        self._extend_if_near_edge()
        self.call_after_refresh(self._count_below)

    def on_mouse_scroll_up(self) -> None:
        self._floor = 0
        self._extend_if_near_edge()

    def _count_below(self) -> None:
        """Count the lines below what is seen, or the messages, where not all are widgets."""
        top = max(0, self.scroll_offset.y)  # an anchor makes it negative on an empty screen
        bottom = top + self.container_size.height
        n, what = self.virtual_size.height - bottom, "line"
        if self._last < len(self._rows):
            unseen = [view for view in self._views() if view.virtual_region.y >= bottom]
            n, what = len(self._rows) - self._last + len(unseen), "message"
        self.below = f"{n:,} more {what}{'s' * (n != 1)}" if n > 0 else ""

    # The rows that are widgets

    def _extend_if_near_edge(self) -> None:
        """Make more rows widgets, unless there is a screenful of them either way."""
        if self._extending:
            return
        above, below = self.scroll_y, self.max_scroll_y - self.scroll_y
        if self._first > self._floor and above < self.size.height:
            self._extending = True
            self.call_later(self._extend, self._extend_up)
        elif self._last < len(self._rows) and below < self.size.height:
            self._extending = True
            self.call_later(self._extend, self._extend_down)

    async def _extend(self, extend: Callable[[], Awaitable[None]]) -> None:
        async with self._changing:
            await extend()

    def _views(self) -> list[TurnView]:
        return [child for child in self.children if isinstance(child, TurnView)]

    def _index(self, id: int | None) -> int | None:
        return next((i for i, row in enumerate(self._rows) if row.id == id), None)

    def _mount_rows(self, first: int, last: int) -> AwaitMount:
        self._last = max(self._last, last)
        return self.mount_all(self._view(row) for row in self._rows[first:last])

    def _view(self, row: Row) -> TurnView:
        """Make the widget of a row."""
        return TurnView(row)

    async def _remove_from(self, view: TurnView) -> None:
        """Remove a view and all that comes after it."""
        doomed = list(self.children)[self.children.index(view) :]
        await self.remove_children(doomed)

    async def _reach(self, at: int) -> None:
        self._floor = 0
        if not self._first - STEP <= at < self._last + STEP:
            await self._jump(max(0, at - PAGE // 2))
        elif at < self._first:
            await self._extend_up()
        elif at >= self._last:
            await self._extend_down()

    async def _extend_up(self) -> None:
        """Make a few more rows above widgets, and remove those far below the reader."""
        hold, bottom = self._hold_place(), self.scroll_y + (FAR + 1) * self.size.height
        far = list(takewhile(lambda v: v.virtual_region.y > bottom, reversed(self._views())))
        first = max(self._floor, self._first - STEP)  # the screen may have been cleared meanwhile
        views = [self._view(row) for row in self._rows[first : self._first]]
        self._first, self._last = first, self._last - len(far)
        with self.app.batch_update():
            await self.mount_all(views, before=0)
            if far:
                await self._remove_from(far[-1])
        self.call_after_refresh(hold)

    async def _extend_down(self) -> None:
        """Make a few more rows below widgets, and remove those far above the reader."""
        hold, top = self._hold_place(), self.scroll_y - FAR * self.size.height
        far = list(takewhile(lambda v: v.virtual_region.bottom < top, self._views()))
        self._first += len(far)
        with self.app.batch_update():
            await self._mount_rows(self._last, min(len(self._rows), self._last + STEP))
            await self.remove_children(far)
        self.call_after_refresh(hold)

    def _hold_place(self) -> Callable[[], None]:
        """Return what brings the view at the top back to its place on the screen after a change."""
        at_end = self._last == len(self._rows) and self.is_vertical_scroll_end
        if not at_end:
            self.release_anchor()  # or the bottom would be followed, which isn't the end
        top = self.scroll_y
        held = next((v for v in self._views() if v.virtual_region.bottom > top), None)
        offset = held.virtual_region.y - top if held else 0

        def restore() -> None:
            if held and held.is_attached and not at_end:
                self.scroll_to(y=held.virtual_region.y - offset, animate=False, immediate=True)
            if self.scroll_y < 0:  # what an anchor makes of an empty screen
                self.scroll_y = self.max_scroll_y
            self._extending = False
            self._extend_if_near_edge()

        return restore

    async def _jump(self, at: int) -> None:
        """Make widgets of the rows from ``at`` on, if they aren't yet."""
        if not self._first <= at < self._last:
            await self.remove_children()
            self._first = self._last = at
            await self._mount_rows(at, min(len(self._rows), at + PAGE))
            self.call_after_refresh(self._count_below)

    async def _to_end(self) -> None:
        if self._last < len(self._rows):
            await self._jump(max(0, len(self._rows) - PAGE))
            if self._last < len(self._rows):
                await self._mount_rows(self._last, len(self._rows))
        self.anchor()
