"""The line at the bottom: what it shows fits in its cells."""

from __future__ import annotations

from rich.cells import cell_len

from llama2ncnn_chat.ui.tui.status import Speed, StatusLine, seconds
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play


def test_wide_characters_leave_the_count_in_sight() -> None:
    async def scene(stage: Stage) -> None:
        status = stage.screen.query_one(StatusLine)
        status.say("長い名前" * 20)
        status.speed = Speed(12.0, 1.0, "止まった" * 10)
        drawn = status.render()
        assert drawn.plain.endswith("/4,096")
        assert max(cell_len(row) for row in drawn.plain.split("\n")) <= status.size.width

    play(make_chat(Script(["Hi."])), scene)


def test_what_goes_on_is_seen_beside_what_is_said() -> None:
    async def scene(stage: Stage) -> None:
        status = stage.screen.query_one(StatusLine)
        status.say("seed 1")
        status.activity = "writing"
        assert status.render().plain.startswith("● writing seed 1 ")
        status.say("long " * 14 + "enough")
        rows = status.render().plain.split("\n")
        assert rows[0].startswith("long long")
        assert rows[-1].startswith("● stories15M q8  writing ")

    play(make_chat(Script(["Hi."])), scene)


def test_no_time_is_nothing() -> None:
    assert [seconds(t) for t in (0.0, 0.004, 0.099, 1.25)] == ["1 ms", "4 ms", "99 ms", "1.25 s"]
