"""The line at the bottom, and the bar that shows how far a prompt has been read, or a model opened.

Draws the numbers it is given; measures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Static

from ...events import ModelProgress, PrefillProgress

USAGE_CELLS = 10
SHORTEST, READ_A_SECOND = 4.0, 25
"""Seconds for which something is said at least, and how many more characters are read in one."""
MUTED = "$foreground 60%"


@dataclass(frozen=True)
class Context:
    """Tokens: in the context, its length, and those of the draft (None: they can't be told)."""

    used: int = 0
    length: int | None = 1
    draft: int | None = 0

    @property
    def free(self) -> int:
        """Tokens that the context has room for, where that is known."""
        return max(0, (self.length or 0) - self.used)

    @property
    def overflows(self) -> bool:
        """Whether the draft is longer than what is free."""
        return self.draft is not None and self.draft > self.free


@dataclass(frozen=True)
class Speed:
    """Tokens a second, seconds to the first token, and the reason of the end."""

    rate: float = 0.0
    first: float | None = None
    reason: str = ""


class StatusLine(Static):
    """One row; what doesn't fit in the width is left out, the least important first.

    But what is said for a moment stands above it, as long as it takes, if it doesn't fit.
    """

    context: reactive[Context] = reactive(Context())
    speed: reactive[Speed] = reactive(Speed())
    activity: reactive[str] = reactive("", layout=True)
    hint: reactive[str] = reactive("", layout=True)
    mode: reactive[str] = reactive("")

    def __init__(self, model: str, weights: str) -> None:
        super().__init__(id="status")
        self._model, self._weights = model, weights
        self._hinting: Timer | None = None

    def say(self, text: str, seconds: float | None = None) -> None:
        """Show a line or a few, for so many seconds, or as long as reading them takes."""
        self.hint = text
        if self._hinting:
            self._hinting.stop()
        wait = SHORTEST + len(text) / READ_A_SECOND if seconds is None else seconds
        self._hinting = self.set_timer(wait, self._clear_hint)

    def unsay(self, text: str) -> None:
        """Show it no longer, if it is what is shown."""
        if self.hint == text:
            self.hint = ""

    def show_model(self, model: str, weights: str) -> None:
        """Show which model is open."""
        self._model, self._weights = model, weights
        self.refresh()

    def show_mode(self, mode: str) -> None:
        """Show which of vi's modes the prompt is in."""
        self.mode = mode

    def _clear_hint(self) -> None:
        self.hint = ""

    def watch_activity(self, activity: str) -> None:
        self.set_class(bool(activity), "-busy")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Return how many rows there are to draw."""
        return len(self._above(width)) + 1

    def render(self) -> Content:
        width = self.size.width
        above = self._above(width)
        return Content("\n").join([*above, self._row(width, "" if above else self.hint)])

    def _above(self, width: int) -> list[Content]:
        """Return what is said, in rows, if it can't stand beside the count of the context."""
        room = width - self._right()[-1].cell_length - len("● ") - 1
        room -= sum(len(each) + 1 for each in (self.mode, self.activity) if each)
        if cell_len(self.hint) <= room:
            return []
        return Content.styled(self.hint, "$text-warning").wrap(max(1, width))

    def _row(self, width: int, hint: str) -> Content:
        left = self._left(hint)
        rights = [part for part in self._right() if part.plain]
        gap = Content("   ")
        while len(rights) > 1 and left.cell_length + 3 + gap.join(rights).cell_length > width:
            rights.pop(0)
        right = gap.join(rights) if rights else Content("")
        left = left.truncate(max(1, width - right.cell_length - 1), ellipsis=True)
        return left + Content(" " * max(1, width - left.cell_length - right.cell_length)) + right

    def _left(self, hint: str) -> Content:
        dot = Content.assemble(("●", "$accent" if self.activity else "$success"))
        if self.mode:
            dot += Content.styled(f" {self.mode}", "bold $primary")
        if hint:
            activity = f" {self.activity}" if self.activity else ""
            said = (activity, "$text-accent"), (f" {hint}", "$text-warning")
            return Content.assemble(dot, *said)
        name = Content.styled(f" {self._model}", "$foreground")
        weights = Content.styled(f" {self._weights}", MUTED)
        return dot + name + weights + Content.styled(f"  {self.activity}", "$text-accent")

    def _right(self) -> list[Content]:
        speed = self.speed
        first = "" if speed.first is None else f"first {seconds(speed.first)}"
        return [
            Content.styled(first, MUTED),
            Content.styled(speed.reason, MUTED),
            Content.styled(f"{speed.rate:,.1f} tok/s" if speed.rate else "", MUTED),
            self._draft(),
            self._usage(),
        ]

    def _usage(self) -> Content:
        used, length = self.context.used, self.context.length
        if length is None:
            return Content("")
        return Content.assemble(usage_bar(used, length), (f" {used:,}/{length:,}", MUTED))

    def _draft(self) -> Content:
        context = self.context
        if not context.draft:
            return Content("")
        colour = "$text-error" if context.overflows else MUTED
        over = f", {context.free:,} free" if context.overflows else ""
        return Content.styled(f"+{context.draft:,} tok{over}", colour)


def seconds(time: float) -> str:
    """Say a time so that it isn't nothing: ``1.25 s``, or ``4 ms``."""
    return f"{time:.2f} s" if time >= 0.1 else f"{max(1, round(time * 1000))} ms"


def usage_bar(part: int, whole: int, cells: int = USAGE_CELLS) -> Content:
    """Draw a bar of so many cells for a part of a whole, coloured by how full it is."""
    share = min(1.0, part / whole) if whole else 0.0
    full = round(share * cells) if part else 0
    full = max(1, full) if part else 0
    colour = "$success" if share < 0.7 else "$warning" if share < 0.9 else "$error"
    return Content.assemble(("━" * full, colour), ("━" * (cells - full), "$foreground 15%"))


class PrefillBar(Static):
    """Shows how far what has to come before a reply is, while it goes on."""

    def __init__(self) -> None:
        super().__init__(id="prefill")
        self.hide()

    def draw(self, progress: PrefillProgress) -> None:
        """Show how much of the prompt has been read, and what needn't be."""
        parts = [f"{progress.done:,}/{progress.total:,} tokens"]
        if progress.cached:
            parts.append(f"{progress.cached:,} cached")
        if progress.seconds_left >= 1:
            parts.append(f"{progress.seconds_left:.0f} s left")
        bar = progress_bar(progress.cached, progress.done, progress.total)
        self._show("reading ", bar, parts)
        self.display = progress.done < progress.total

    def draw_opening(self, progress: ModelProgress) -> None:
        """Show how far a model is from being open."""
        bar = progress_bar(0, progress.done, progress.total)
        amount = f"{progress.done / 1e6:,.0f} of {progress.total / 1e6:,.0f} MB"
        self._show(f"{progress.what} ", bar, [amount])
        self.display = True

    def _show(self, what: str, bar: Content, parts: list[str]) -> None:
        numbers = f"  {'  '.join(parts)}   esc stops"
        self.update(Content.assemble((what, "$text-accent"), bar, (numbers, MUTED)))

    def hide(self) -> None:
        """Show nothing."""
        self.display = False


def progress_bar(cached: int, done: int, total: int, cells: int = 24) -> Content:
    """Draw a bar of so many cells for what is done, in another tint for what was ``cached``."""
    a, b = (round(cells * n / total) if total else 0 for n in (cached, done))
    return Content.assemble(
        ("━" * a, "$accent 45%"), ("━" * (b - a), "$accent"), ("━" * (cells - b), "$foreground 15%")
    )
