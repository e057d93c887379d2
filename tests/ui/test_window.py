"""The title, and the call for whoever looks elsewhere: what terminals are sent, and when."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.ui.alert import BELL, alert
from llama2ncnn_chat.ui.title import GIVE_BACK, TAKE, Title, has_title
from llama2ncnn_chat.ui.window import Window

EVIL = "a\x1b]2;b\x07c\nd\x9be"


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({"TERM": "xterm-256color"}, BELL),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "\x1b]9;llama2ncnn-chat: hi\a"),
        ({"TERM": "xterm-kitty"}, "\x1b]9;llama2ncnn-chat: hi\a"),
        ({"TERM": "foot"}, "\x1b]777;notify;llama2ncnn-chat;hi\a"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "WezTerm", "TMUX": "/tmp/x"}, BELL),
        ({"TERM": "screen", "TERM_PROGRAM": "iTerm.app"}, BELL),
    ],
)
def test_a_notice_where_the_terminal_shows_any_and_else_the_bell(
    environ: dict[str, str], sent: str
) -> None:
    assert alert("hi", environ) == sent


def test_no_name_commands_the_terminal() -> None:
    sent: list[str] = []
    title = Title(sent.append, is_ours=True)
    title.take()
    title.show(EVIL)
    sent.append(alert(EVIL, {"TERM": "foot"}))
    controls = [sum(each.count(sign) for sign in "\x1b\a\x9b") for each in sent]
    assert controls == [1, 2, 2]
    assert "\n" not in "".join(sent)


def test_a_title_is_said_while_it_is_taken_and_when_it_is_another_one() -> None:
    sent: list[str] = []
    title = Title(sent.append, is_ours=True)
    title.show("fox")  # before anything is drawn
    with title.taken():
        title.show("fox")
        title.show("● fox")
    title.show("hare")
    title.take()
    assert sent == [
        *(TAKE, "\x1b]2;fox\a", "\x1b]2;● fox\a", GIVE_BACK),
        *(TAKE, "\x1b]2;hare\a"),
    ]


def test_a_title_that_is_not_ours_is_left_alone() -> None:
    sent: list[str] = []
    title = Title(sent.append, is_ours=False)
    with title.taken():
        title.show("fox")
    assert sent == []
    assert [has_title({"TERM": name}) for name in ("dumb", "linux", "xterm")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("notify", "took", "in_front", "calls"),
    [
        (10.0, 11.0, False, 1),
        (10.0, 9.0, False, 0),
        (10.0, 11.0, True, 0),
        (None, 11.0, False, 0),
    ],
)
def test_who_looks_elsewhere_is_called_once_after_what_took_long(
    notify: float | None, took: float, in_front: bool, calls: int
) -> None:
    sent: list[str] = []
    titles: list[str] = []
    now = 0.0
    window = Window(sent.append, titles.append, lambda: in_front, notify, lambda: now)
    window.show("fox", works=False)
    window.show("fox", works=True)
    now = took / 2
    window.show("fox", works=True)  # the next of several
    now = took
    window.show("fox", works=False)
    window.show("fox", works=False)
    assert len(sent) == calls
    assert list(dict.fromkeys(titles)) == ["fox", "● fox"]
