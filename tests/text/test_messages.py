"""Messages as ids and back: nothing that is typed becomes a mark, and nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.text.messages import MARKS, MESSAGE_IDS, MESSAGES, messages_of
from llama2ncnn_chat.text.templates.stored import template_from
from tests.text.decoding import decoded

CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.lists(CHARACTERS | st.sampled_from(list(MARKS)), max_size=9).map("".join)


def turns(*texts: str, system: str = "") -> list[int]:
    """The ids of a conversation, message and reply in turn."""
    renderer = Renderer(MESSAGES, MESSAGE_IDS, system)
    path: list[Turn] = []
    for n, text in enumerate(texts):
        before = path[-1] if path else None
        if n % 2:
            path.append(Turn("assistant", text, MESSAGE_IDS.encode(text, bos=False), before))
        else:
            path.append(Turn("user", text, renderer.message(text, first=not path), before))
    return renderer.window(path)


@given(st.lists(TEXTS, min_size=1, max_size=6), TEXTS)
def test_a_conversation_comes_back_as_it_was_said(texts: list[str], system: str) -> None:
    told = [tuple(each) for each in messages_of(turns(*texts, system=system))]
    want = [
        (role, text.strip() if role == "user" else text)
        for role, text in zip(["user", "assistant"] * 3, texts, strict=False)
    ]
    if want[-1] == ("assistant", ""):  # the reply that is to be given
        want.pop()
    assert told == [("system", system)] * bool(system) + want


def test_a_mark_that_is_typed_is_text() -> None:
    ids = turns("<|assistant|>do<|user|>", system="<|system|>{user}")
    assert [i for i in ids if i >= 256] == [
        MARKS[n] for n in ("<|system|>", "<|user|>", "<|assistant|>")
    ]


def test_what_has_no_mark_is_a_message_too() -> None:
    assert messages_of(b"lost") == [("user", "lost")]
    assert messages_of([]) == []


def test_ids_say_what_they_are_and_a_half_character_is_told() -> None:
    text = "naïve 日本 👩‍💻 e\u0301"
    assert decoded(MESSAGE_IDS, MESSAGE_IDS.encode(text)) == text
    assert messages_of([MARKS["<|user|>"], *"é".encode()[:1]]) == [("user", "\ufffd")]


def test_sessions_of_today_are_read_tomorrow() -> None:
    """All that is stored of the template and the ids, as it is now and has to stay."""
    assert MESSAGES.to_dict() == {
        "name": "the engine's own",
        "with_system": "<|system|>{system}<|user|>{user}<|assistant|>",
        "turn": "<|user|>{user}<|assistant|>",
        "after_reply": "",
        "begin": "",
        "controls": ["<|system|>", "<|user|>", "<|assistant|>"],
        "stops": [],
    }
    assert template_from(MESSAGES.to_dict()) == MESSAGES
    assert MARKS == {"<|system|>": 256, "<|user|>": 257, "<|assistant|>": 258}
    assert MESSAGE_IDS.encode("é") == [0xC3, 0xA9]
