"""The token view: how sure the model was of each token, what else was likely, and a way there.

Knows a reply and its choices; leaves going on from another token to who has pushed this screen.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from ...conversation.rows import Tokens
from ...events import Choice
from ...text.vocabulary import Vocabulary
from .keys import in_order, key
from .status import MUTED
from .token_text import Tints, coloured, lay_out, legend, name_of, pieces_of, tints

SURPRISING = 0.5
ONE_UNKNOWN = "What else the model had in mind here wasn't recorded."
ALL_UNKNOWN = (
    "This reply is from an earlier run, whose probabilities aren't kept. "
    "Those of a reply that is written now can be seen here."
)
BAR_CELLS, LEAST_SEEN = 8, 0.0005


_key = partial(key, "tokens", show=True, first=True)


class TokensScreen(ModalScreen[tuple[int, int] | None]):
    """Gives ``(index, token)`` to go on from with that token instead, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("left,h", "move(-1)", "Token", "The token before"),
        _key("right,l", "move(1)", "Token", "The token after", show=False),
        _key("n", "surprise", "Next surprise", "The next token that wasn't likely"),
        _key("up,k", "highlight(-1)", "Other", "The likelier one"),
        _key("down,j", "highlight(1)", "Other", "The less likely one", show=False),
        _key("enter", "branch", "Go on from it", "Another reply from here on with this token"),
        _key("home,g", "move_to(0)", "First", "The first token", show=False),
        _key("end,G", "move_to(-1)", "Last", "The last token", show=False),
        _key("escape,f3,q,ctrl+c", "close", "Close", "Back to the chat"),
    ]

    cursor: reactive[int] = reactive(0, init=False)

    def __init__(self, reply: Tokens, vocabulary: Vocabulary) -> None:
        super().__init__(classes="panel wide")
        self._reply, self._vocabulary = reply, vocabulary
        self._pieces = pieces_of(vocabulary, reply.ids)
        self._top: tuple[tuple[int, float], ...] = ()

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        return in_order(super().active_bindings, self.BINDINGS)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            known = bool(self._reply.choices)
            about = legend(self._tints) if known else Content.styled("not recorded", MUTED)
            yield Static(Content.assemble("Tokens   ", about), classes="title")
            with Horizontal():
                with VerticalScroll(can_focus=False, id="token-text"):
                    yield Static()
                with Vertical(id="token-choice"):
                    yield Static(id="token-about")
                    yield OptionList(compact=True)
            yield Footer(compact=True, show_command_palette=False)

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        return (
            None
            if action in ("surprise", "highlight", "branch") and not self._reply.choices
            else True
        )

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self.call_after_refresh(self._draw)

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._draw)

    def watch_cursor(self) -> None:
        self._draw()

    def action_move(self, step: int) -> None:
        """Go on by so many tokens (back if negative)."""
        self.cursor = min(max(0, self.cursor + step), len(self._pieces) - 1)

    def action_move_to(self, at: int) -> None:
        """Go to the token of that index; -1 is the last."""
        self.cursor = at % len(self._pieces)

    def action_surprise(self) -> None:
        """Go to the next token that wasn't likely, around the end."""
        n = len(self._pieces)
        for i in (*range(self.cursor + 1, n), *range(self.cursor + 1)):
            choice = self._reply.choices.get(i)
            if choice and choice.probability < SURPRISING:
                self.cursor = i
                return

    def action_highlight(self, step: int) -> None:
        """Move the highlight down by so many rows (up if negative)."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if step > 0 else options.action_cursor_up)()

    @on(OptionList.OptionSelected)
    def _clicked(self) -> None:
        self.action_branch()

    def action_branch(self) -> None:
        """Close, and give the highlighted token to go on from."""
        at = self.query_one(OptionList).highlighted
        if at is None or at >= len(self._top):
            return
        token, _ = self._top[at]
        if token not in {self._reply.ids[self.cursor], *self._vocabulary.ends}:
            self.dismiss((self.cursor, token))

    def action_close(self) -> None:
        """Close without a token to go on from."""
        self.dismiss(None)

    @property
    def _tints(self) -> Tints:
        return tints(self.app.console.color_system)

    def _probability(self, i: int) -> float | None:
        choice = self._reply.choices.get(i)
        return choice.probability if choice else None

    def _draw(self) -> None:
        scroll = self.query_one("#token-text", VerticalScroll)
        width = max(10, scroll.size.width - 2)
        self.query_one("#token-text Static", Static).update(
            coloured(self._pieces, width, self.cursor, self._probability, self._tints)
        )
        row, _ = lay_out(self._pieces, width)[self.cursor]
        if not scroll.scroll_y <= row < scroll.scroll_y + scroll.size.height:
            scroll.scroll_to(y=row - scroll.size.height // 2, animate=False)
        self._draw_choice(self._reply.choices.get(self.cursor))

    def _draw_choice(self, choice: Choice | None) -> None:
        options, about = self.query_one(OptionList), self.query_one("#token-about", Static)
        place = f"token {self.cursor + 1:,} of {len(self._pieces):,}"
        self._top = choice.top if choice else ()
        options.clear_options()
        if choice is None:
            why = ONE_UNKNOWN if self._reply.choices else ALL_UNKNOWN
            about.update(Content(f"{place}\n\n{why}"))
            return
        about.update(Content.assemble(place, (f"   p {choice.probability:.1%}\n", MUTED)))
        options.add_options(Option(self._line(choice, *each)) for each in self._top)
        sampled = next((i for i, (t, _) in enumerate(self._top) if t == choice.token), 0)
        options.highlighted = sampled

    def _line(self, choice: Choice, token: int, probability: float) -> Content:
        bar = "━" * round(BAR_CELLS * probability) or "╺" * (probability >= LEAST_SEEN)
        mark = "● " if token == choice.token else "  "
        return Content.assemble(
            (mark, "$success"),
            (f"{bar:<{BAR_CELLS}} ", "$primary"),
            (f"{probability:>6.1%}  ", MUTED),
            name_of(self._vocabulary, token),
        )
