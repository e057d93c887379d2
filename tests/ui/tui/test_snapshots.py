"""Pictures of the main states, dark and light, small and large; no clock or speed in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from docs.screenshots import COMMENT
from llama2ncnn_chat.catalogue.listing import ListedModel, models_to_fetch
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.events import Choice, PrefillProgress
from llama2ncnn_chat.ui.tui.app import ChatApp
from llama2ncnn_chat.ui.tui.opening_screen import Opener
from llama2ncnn_chat.ui.tui.questions import Pick
from llama2ncnn_chat.ui.tui.status import PrefillBar, Speed
from llama2ncnn_chat.ui.tui.themes import INK, PAPER
from tests.ui.tui.scripted import DEMO_FACTS, FACTS, Script, make_chat
from tests.ui.tui.stage import Stage

SnapCompare = Callable[..., bool]
Act = Callable[[Stage], Awaitable[None]]

SMALL, LARGE = (80, 24), (140, 45)


@pytest.fixture(autouse=True)
def without_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared says nothing of the library that draws it."""
    draw = ChatApp.export_screenshot
    monkeypatch.setattr(
        ChatApp, "export_screenshot", lambda *args, **kw: COMMENT.sub("", draw(*args, **kw))
    )


MODELS = [
    ListedModel("/models/stories15M.bin", "stories15M.bin", "ncnn int8", 15_100_000, "used lately"),
    ListedModel(
        "/big/7b.bin",
        "7b.bin",
        "llama2.c v0 (legacy, float32)",
        26_954_000_000,
        "converted before",
    ),
    ListedModel(
        "hf:owner/tiny", "hf:owner/tiny", "Hugging Face", 269_000_000, "in the Hub's cache"
    ),
    ListedModel("demo", "demo", "llama2.c v2 (Q8_0)", 2_500_000, "bundled"),
    *models_to_fetch([])[:2],
]
REPLY = '''Here is a small function that reverses a string:

```python
def reverse(text: str) -> str:
    """The text, last character first."""
    return text[::-1]
```

| input | output |
|-------|--------|
| `abc` | `cba`  |

It works because a *slice* with step **-1** walks backwards.
'''


async def _empty(stage: Stage) -> None: ...


async def _chat(stage: Stage) -> None:
    await stage.send("Tell me a story")
    await stage.send("Now some Python: reverse a string, please.\nWith an example.")


async def _commands(stage: Stage) -> None:
    await stage.send("Tell me a story")
    await stage.press("/", "s")


async def _reading(stage: Stage) -> None:
    await stage.send("Tell me a story")
    stage.screen.status.activity = "reading"
    stage.screen.query_one(PrefillBar).draw(PrefillProgress(700, 200, 1800, 2.0))


async def _alternatives(stage: Stage) -> None:
    await stage.send("Tell me a story")
    await stage.press("shift+tab", "r")
    await stage.idle()
    await stage.send("/nonsense")
    await stage.press("shift+tab", "k")


async def _chosen(stage: Stage) -> None:
    await _chat(stage)
    await stage.press("shift+tab", "r")
    await stage.idle()
    await stage.press("left")


async def _reasoning(stage: Stage) -> None:
    await stage.send("Tell me a story")
    await stage.send("And why?")
    await stage.send("And who?")
    await stage.press("shift+tab", "o")


async def _help(stage: Stage) -> None:
    await stage.press("f1")


async def _settings(stage: Stage) -> None:
    await stage.press("f2")


async def _without_blinking(stage: Stage) -> None:
    await stage.until(lambda: bool(stage.app.screen.query(Input)))
    stage.app.screen.query_one(Input).cursor_blink = False


async def _sessions(stage: Stage) -> None:
    await _chat(stage)
    await stage.send("/new")
    await stage.send("What is the capital of France?")
    await stage.press("ctrl+o")
    await _without_blinking(stage)
    await stage.press("down")


async def _palette(stage: Stage) -> None:
    await stage.send("Tell me a story")
    await stage.press("ctrl+p")
    await _without_blinking(stage)
    await stage.until(lambda: bool(stage.app.screen.query_one(OptionList).option_count))


async def _tokens(stage: Stage) -> None:
    await stage.send("Tell me a story")
    assert stage.app.chat
    reply = stage.app.chat.session.ledger.path()[-1]
    for i, token in enumerate(reply.ids):  # one of each tint, again and again
        p = (0.97, 0.7, 0.3, 0.1, 0.01)[i % 5]
        others = tuple((token + j, (1 - p) / 2**j) for j in range(1, 6))
        top = sorted([(token, p), *others], key=lambda each: -each[1])
        reply.choices[i] = Choice(token, p, tuple(top))
    await stage.press("f3", "right")
    await stage.pilot.pause()


async def _demo(stage: Stage) -> None: ...


@pytest.mark.parametrize(
    ("act", "size", "theme"),
    [
        *product((_demo, _palette, _sessions), (SMALL, LARGE), (INK, PAPER)),
        (_empty, SMALL, INK),
        (_chat, SMALL, INK),
        (_chat, SMALL, PAPER),
        (_chat, LARGE, INK),
        (_chat, LARGE, PAPER),
        (_commands, SMALL, PAPER),
        (_reading, SMALL, INK),
        (_alternatives, SMALL, INK),
        (_chosen, SMALL, INK),
        (_chosen, SMALL, PAPER),
        (_chosen, LARGE, INK),
        (_chosen, LARGE, PAPER),
        (_reasoning, SMALL, INK),
        (_help, SMALL, PAPER),
        (_settings, SMALL, INK),
        (_tokens, SMALL, INK),
        (_tokens, SMALL, PAPER),
        (_tokens, LARGE, INK),
        (_tokens, LARGE, PAPER),
    ],
    ids=lambda value: getattr(value, "__name__", "") or getattr(value, "name", "") or str(value[0]),
)
def test_state(snap_compare: SnapCompare, act: Act, size: tuple[int, int], theme: Any) -> None:
    replies = ["Once upon a time there was a little girl.", REPLY]
    if act is _chosen:
        replies.append("Here you are.")
    if act is _reasoning:
        replies[1:] = ["<think>\nBecause of what?\n</think>\n\nBecause of *you*."]
    facts = DEMO_FACTS if act is _demo else FACTS
    chat = make_chat(Script(replies), saved=True, facts=facts)
    try:
        assert _looks_the_same(snap_compare, lambda *_: chat, act, size, theme.name)
    finally:
        chat.close()


def test_an_error_before_there_is_a_chat(snap_compare: SnapCompare) -> None:
    def fail(*_: object) -> Any:
        raise ModelError("7b.bin: no tokenizer", "name it with --tokenizer")

    app = ChatApp(fail)

    async def before(pilot: Pilot[None]) -> None:
        await Stage(app, pilot).until(lambda: app.failure is not None)

    assert snap_compare(app, terminal_size=SMALL, run_before=before)


def test_the_models_to_choose_from(snap_compare: SnapCompare) -> None:
    app = ChatApp(_nothing_opens, lambda: MODELS, picks_model=True)
    app.theme = INK.name

    async def before(pilot: Pilot[None]) -> None:
        await Stage(app, pilot).until(lambda: isinstance(app.screen, Pick))
        await pilot.pause()
        app.screen.query_one(Input).cursor_blink = False
        await pilot.press("down")

    assert snap_compare(app, terminal_size=SMALL, run_before=before)


def _nothing_opens(*_: object) -> Any:
    raise AssertionError("nothing was chosen")


def _looks_the_same(
    compare: SnapCompare, opener: Opener, act: Act, size: tuple[int, int], theme: str
) -> bool:
    app = ChatApp(opener)
    app.theme = theme

    async def before(pilot: Pilot[None]) -> None:
        stage = Stage(app, pilot)
        await stage.until(lambda: app.chat_screen is not None)
        await pilot.pause()
        stage.screen.composer.prompt.cursor_blink = False
        await act(stage)
        stage.screen.status.speed = Speed()
        stage.screen.status.hint = ""
        await pilot.pause()

    return compare(app, terminal_size=size, run_before=before)
