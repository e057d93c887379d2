"""The commands about settings, the system prompt, and what there is to know."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.options import SETTINGS
from tests.chat.asked import complaint, said
from tests.chatting import do


def test_system_is_shown_set_and_taken_away(talked: Chat) -> None:
    assert "no system prompt" in said(talked, "/system")
    assert said(talked, "/system Be brief.") == "system prompt: Be brief."
    assert "Be brief." in "".join(chr(i - 3) for i in talked.session.ledger.path()[0].ids if i > 2)
    assert "no system prompt" in said(talked, '/system ""')


def test_a_system_prompt_that_leaves_no_room_is_refused_with_numbers(talked: Chat) -> None:
    before = talked.session.ledger.path()[0].ids
    text = complaint(talked, "/system " + "x" * 2000)
    assert "2,0" in text
    assert "2,000" in text
    assert talked.settings.system == ""
    assert talked.session.ledger.path()[0].ids == before


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("temperature", "0.2", "0.2"),
        ("temp", "1", "1"),
        ("top_k", "7", "7"),
        ("max-tokens", "12", "12"),
        ("max_tokens", "off", "off"),
        ("seed", "42", "42"),
        ("seed", "random", "random"),
        ("stop", "'a b' c", "'a b' c"),
        ("on_full", "ask", "ask"),
        ("threads", "3", "3"),
    ],
)
def test_set_takes_a_value_and_shows_it(chat: Chat, key: str, value: str, shown: str) -> None:
    assert said(chat, f"/set {key} {value}").split(" ", 1)[1] == shown
    assert said(chat, f"/set {key}").split(" ", 1)[1].startswith(shown)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/set temprature 1", "did you mean temperature?"),
        ("/set temperature hot", "'hot' is not a number"),
        ("/set temperature -1", "out of range; 0 to 100"),
        ("/set top_k 1.5", "'1.5' is not a whole number"),
        ("/set on_full maybe", "one of shift"),
        ("/set max_tokens -1", "max_tokens -1 is out of range; 1 or more"),
        ("/set max_tokens 0", "max_tokens 0 is out of range; 1 or more"),
        ("/set threads 0", "out of range"),
        ("/set template alpaca", "one of llama2"),
        ("/set stop 'a", "quot"),
    ],
)
def test_set_checks_names_and_ranges(chat: Chat, line: str, says: str) -> None:
    before = chat.settings
    assert says in complaint(chat, line)
    assert chat.settings == before


def test_set_without_a_name_lists_all(chat: Chat) -> None:
    text = said(chat, "/set")
    assert all(name in text for name in SETTINGS)
    assert max(map(len, text.splitlines())) <= 80


def test_settings_reach_the_next_reply(chat: Chat) -> None:
    do(chat, "/set seed 5")
    do(chat, "/set temperature 0.3")
    do(chat, "/set stop said")
    do(chat, "hello")
    reply = chat.session.ledger.head
    assert reply
    assert reply.text == "You "
    assert (reply.runs[0].seed, reply.runs[0].sampling.temperature) == (5, 0.3)
    do(chat, "again")
    assert chat.session.ledger.head
    assert chat.session.ledger.head.runs[0].seed == 6


def test_a_conversation_keeps_its_template(chat: Chat) -> None:
    do(chat, "hello")
    assert "/new" in complaint(chat, "/set template plain")
    do(chat, "/new")
    assert said(chat, "/set template plain") == "template plain"


def test_context_adds_up(talked: Chat) -> None:
    do(talked, "/system Be brief.")
    rows = said(talked, "/context").splitlines()
    used = sum(int(row.split("  ")[1:][0] or row.split()[1]) for row in rows[1:-1])
    use = talked.session.context()
    assert used + use.system == use.used
    assert rows[0].startswith("system prompt")
    assert rows[-1].split()[:2] == ["free", f"{use.free:,}"]


def test_stats_and_show(talked: Chat) -> None:
    stats = said(talked, "/stats")
    assert "generated    16 tokens" in stats  # the space before it too, EOS not
    assert "stop" in stats
    show = said(talked, "/show")
    assert "0.0 MB on the disk" in show
    assert "tiny" in show
    assert "the usual ones" in show
    do(talked, "/set temperature 0.3")
    assert "temperature 0.3" in said(talked, "/show")
