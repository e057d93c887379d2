"""Which streams get colour, what is fit to print, and how a generation goes in words."""

from __future__ import annotations

import base64
import io

import pytest

from convert.streams import printable
from llama2ncnn_chat.events import Finished, PrefillProgress, TextDelta, Timings
from llama2ncnn_chat.ui.clipboard import MAX_OSC52, osc52
from llama2ncnn_chat.ui.meter import Meter
from llama2ncnn_chat.ui.paste import Pastes
from llama2ncnn_chat.ui.terminal import Colour, wants_colour, wrap_hanging


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("flag", "environ", "terminal", "colour"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, True, False),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"CLICOLOR_FORCE": "1"}, True, False),
    ],
)
def test_colour_is_settled_in_order(
    flag: Colour, environ: dict[str, str], terminal: bool, colour: bool
) -> None:
    stream = Tty() if terminal else io.StringIO()
    assert wants_colour(flag, environ, stream) is colour


def test_what_commands_a_terminal_is_not_printable() -> None:
    assert printable("a\x1b[31m\x00\x07\x9b\x85\r\x7f\u202eé日\t\n") == "a[31mé日\t\n"
    assert printable("n\udcff.bin") == "n\ufffd.bin"


def test_the_meter_tells_how_the_reading_goes() -> None:
    meter = Meter()
    assert meter.reading() == meter.speed() == ""
    meter.feed(PrefillProgress(200, 100, 1100, 2.0), 2.0)
    assert meter.reading() == "reading 300/1,100 tokens, 100 tok/s, 8 s left"
    for i in range(11):
        meter.feed(TextDelta("x", (i,)), 10 + i / 10)
    assert meter.reading() == ""
    assert meter.speed() == "10.0 tok/s"
    meter.feed(Finished("stop", (), Timings(predicted_n=11, predicted_ms=500)), 12.0)
    assert meter.speed() == "20.0 tok/s"


def test_a_few_tokens_make_no_rate() -> None:
    meter = Meter()
    for i in range(7):
        meter.feed(TextDelta("x", (i,)), 10 + i * 1e-6)
    meter.feed(Finished("stop", (), Timings(predicted_n=7, predicted_ms=0.01)), 12.0)
    assert meter.speed() == ""


def test_osc52_is_base64_and_has_a_limit() -> None:
    sequence = osc52("é\n", {})
    assert sequence == f"\x1b]52;c;{base64.b64encode('é'.encode() + bytes([10])).decode()}\x07"
    assert osc52("x" * MAX_OSC52, {}) is None


def test_pastes_fold_and_unfold() -> None:
    pastes = Pastes()
    assert pastes.fold("a\nb") == "a\nb"
    long = "\n".join("abcdefghijkl")
    label = pastes.fold(long)
    assert label == "[Pasted text #1 +12 lines]"
    assert pastes.fold(long) != label
    assert pastes.whole(f"see {label}!") == f"see {long}!"
    assert pastes.whole("[Pasted text #9 +12 lines]") == "[Pasted text #9 +12 lines]"


def test_what_is_folded_is_never_a_command() -> None:
    pastes = Pastes()
    comment = "/* a\n" * 12
    assert pastes.whole(f"{pastes.fold(comment)} why?") == f"/{comment} why?"
    assert (
        pastes.whole(pastes.fold_as("a.c, 9 tokens", "/* a */\n\n", " ") + "x") == "//* a */\n\nx"
    )
    assert pastes.whole("/read a.c") == "/read a.c"


def test_long_lines_hang_below_their_last_column() -> None:
    text = (
        "top_k    40  keep the K likeliest tokens; 0 keeps all\nseed     1   short\n" + "word " * 9
    )
    assert wrap_hanging(text.rstrip(), 36).split("\n") == [
        "top_k    40  keep the K likeliest",
        "             tokens; 0 keeps all",
        "seed     1   short",
        "word word word word word word word",
        "word word",
    ]
    assert wrap_hanging(text, 80) == text
