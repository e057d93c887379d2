"""An engine that tells no tokens, on both faces: nothing that is drawn counts bytes."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from convert.streams import printable
from llama2ncnn_chat.chat.line import Message
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.ui.meter import Meter
from llama2ncnn_chat.ui.repl.loop import Repl
from llama2ncnn_chat.ui.repl.screen import Screen
from tests.launch.messages import opened, server
from tests.launch.test_switching import step
from tests.remote.messages import chunk, done, says, usage
from tests.ui.repl.talking import talk
from tests.ui.tui.stage import Stage, play

REPLY = "a reply of some length, in a few words"
COUNT = re.compile(r"\d tok|\d/\d|\+\d")
THOUGHT = done(
    chunk(reasoning_content="hm, well"), chunk(content="yes"), chunk("stop"), usage(None)
)

EVIL, TAMED = "a\x1b[2Jb\x07c\x9b1md", "a[2Jbc1md"
EVIL_REPLY = done(chunk(reasoning_content=EVIL), chunk(content=EVIL), chunk("stop"))


def drawn(stage: Stage) -> str:
    return "\n".join(strip.text for strip in stage.screen._compositor.render_strips())


def test_the_full_screen_shows_no_counts_but_the_engines() -> None:
    async def scene(stage: Stage) -> None:
        assert not COUNT.search(drawn(stage))
        await stage.type("a message that is not sent yet")
        assert not COUNT.search(drawn(stage))
        await stage.send("hello")
        assert stage.said == ["hello", REPLY]
        assert "tok/s" in stage.status  # which the engine has told
        assert not COUNT.search(drawn(stage).replace("tok/s", ""))
        await stage.send("again")
        assert stage.said[-1] == REPLY
        assert not COUNT.search(drawn(stage))
        await stage.send("think")
        assert "thought" in drawn(stage)
        assert not COUNT.search(drawn(stage))
        await stage.press("f2")
        await stage.pilot.pause()
        assert not COUNT.search(drawn(stage))

    untold = done(*(chunk(content=c) for c in REPLY), chunk("stop"))
    with server(says(REPLY, n_tokens=400), untold, THOUGHT) as script:
        play(opened(script), scene)


def test_the_tints_are_refused_in_words() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        for keys in (("f3",), ("shift+tab", "up", "t")):
            await stage.press(*keys)
            await stage.pilot.pause()
            assert "not the tokens behind it" in stage.status
            assert not stage.screen.transcript.heat
            stage.screen.status.hint = ""
        await stage.press("escape")
        await stage.send("/tokens")
        assert "not the tokens behind it" in stage.status

    with server(says(REPLY)) as script:
        play(opened(script, engine_model="small"), scene)


def test_the_tints_go_when_another_model_has_none() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f3")
        assert stage.screen.transcript.heat
        await stage.send(f"/model {url}")
        assert stage.screen.chat.model.short == "small"
        assert not stage.screen.transcript.heat
        assert not stage.screen.talk.has_class("-heat")
        await stage.send("hello")
        assert stage.said == ["hello", REPLY]

    with server(says(REPLY)) as script:
        url = script.url
        options = options_of({"model": "demo", "threads": "1"}, {}, Path("/none"))
        play(open_chat(options, step), scene)


def test_line_by_line_nothing_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with server(says(REPLY), THOUGHT) as script:
        chat = opened(script, engine_model="small")
        repl = Repl(chat, Screen(live=True, colour=True, roles=False, errors_apart=False))
        bar = "".join(part[1] for part in repl.toolbar(Message("a message"), False))
        assert bar == "small"
        assert repl._status(Meter()) == "small"
        talk(chat, "hello\nthink\n/tokens\n/replay\n/context\n/stats\n/show\n", label="> ")
        out = capsys.readouterr().out.replace("3 tokens", "").replace("4 tokens", "")
        assert REPLY in out
        assert out.count("not the tokens behind it") >= 4
        assert not COUNT.search(out.replace("15 tokens after the last reply", ""))
        talk(chat, "", label="> ", colour=True)
        assert "(thought)" in capsys.readouterr().out
        chat.close()


def test_what_an_engine_says_commands_no_terminal_line_by_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with server(EVIL_REPLY) as script, closing(opened(script, engine_model="small")) as chat:
        talk(chat, "hello\n", label="> ")
    out = capsys.readouterr().out
    assert out.count(TAMED) == 2
    assert out == printable(out)


def test_what_an_engine_says_commands_no_terminal_on_the_full_screen() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        assert drawn(stage).count(TAMED) == 1
        await stage.press("shift+tab", "o")
        await stage.pilot.pause()
        assert drawn(stage).count(TAMED) == 2
        assert drawn(stage) == printable(drawn(stage))

    with server(EVIL_REPLY) as script:
        play(opened(script, engine_model="small"), scene)
