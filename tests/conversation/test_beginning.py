"""Replies that begin with what a person gave: words, a reply as it was edited, a picked token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.conversation.beginning import begun, reworded
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.errors import ChatError, PromptTooLongError
from llama2ncnn_chat.events import Replayed, TurnAdded
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.text.templates.marked import TEMPLATES
from llama2ncnn_chat.text.tokenizers.added import Beside
from llama2ncnn_chat.text.tokenizers.file_vocabulary import FileVocabulary
from llama2ncnn_chat.text.tokenizers.tokenizer_json import tokenizer_json_vocabulary
from llama2ncnn_chat.text.vocabulary import Vocabulary
from tests.conversation.scripted import (
    TOKENIZER,
    Talk,
    encode,
    fed,
    in_cache,
    last_text,
    run,
    saying,
    session,
)
from tests.fakes import BOS, EOS
from tests.text.decoding import decoded
from tests.text.tokenizers.hub_tokenizers import KINDS

WORDS = ("Sure", "the cat sat", "two  spaces ", "naïve 日本\n", "</s><s>[INST] <|end|>", "🙂")
SAYS_ALL = sorted(KINDS.keys() - {"no bytes"})


def with_words(s: Talk, words: str | None) -> Talk:
    s.settings = replace(s.settings, beginning=words)
    return s


def vocabulary_of(kind: str) -> FileVocabulary:
    return tokenizer_json_vocabulary(KINDS[kind], Beside(eos="</s>"))


def controls_of(vocabulary: Vocabulary, ids: Sequence[int]) -> list[int]:
    return [token for token in ids if not vocabulary.piece(token)]


# The ids


def test_the_words_stand_where_the_reply_begins_and_no_end_after_them() -> None:
    s = with_words(session(saying("Hello there")), "Hello")
    run(s.send("Hi"))
    path = s.window(s.ledger.path())
    assert path == [BOS, *encode("[INST] Hi [/INST]"), *encode("Hello there")]
    reply = s.ledger.head
    assert reply
    assert (reply.text, reply.finish, reply.n_begun, reply.runs[0].start) == (
        "Hello there",
        "stop",
        5,
        5,
    )
    assert fed(s) == [*path]  # each once


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("template", sorted(TEMPLATES))
@pytest.mark.parametrize("kind", SAYS_ALL)
def test_what_the_model_sees_decodes_to_the_words(kind: str, template: str, words: str) -> None:
    vocabulary = vocabulary_of(kind)
    renderer = Renderer(TEMPLATES[template], vocabulary)
    message = Turn("user", "x", renderer.message("x", first=True))
    reply = begun(renderer, [message], words)
    assert reply.text == decoded(vocabulary, reply.ids) == words
    assert controls_of(vocabulary, reply.ids) == []


def test_words_are_spaced_as_the_model_spaces_them() -> None:
    vocabulary = vocabulary_of("llama-2")
    for template, before in (("llama2", b" Sure"), ("zephyr", b"Sure"), ("chatml", b"Sure")):
        renderer = Renderer(TEMPLATES[template], vocabulary)
        message = Turn("user", "x", renderer.message("x", first=True))
        ids = begun(renderer, [message], "Sure").ids
        assert b"".join(map(vocabulary.piece, ids)) == before


def test_what_a_vocabulary_cannot_say_is_shown_as_the_model_sees_it() -> None:
    vocabulary = vocabulary_of("no bytes")
    renderer = Renderer(TEMPLATES["chatml"], vocabulary)
    message = Turn("user", "x", renderer.message("x", first=True))
    reply = begun(renderer, [message], "the \U0001f9ff cat")
    assert reply.text == decoded(vocabulary, reply.ids) != "the \U0001f9ff cat"


# What is fed


def test_an_edited_reply_feeds_what_differs() -> None:
    s = session(saying("I like tea and cake"), max_tokens=None)
    run(s.send("What?"))
    old = s.ledger.head
    assert old
    count = len(fed(s))
    run(s.edit("I like tea but", old))
    new = s.ledger.head
    assert new
    assert s.ledger.alternatives(old) == [old, new]
    assert old.text == "I like tea and cake"
    kept = len(encode("I like tea "))
    assert new.ids[:kept] == old.ids[:kept]
    assert new.text.startswith("I like tea but")
    assert new.n_begun == len(encode("I like tea but"))
    # "but", and then what was said after it but for the last, of which the end is fed to learn of.
    assert fed(s)[count : count + 3] == encode("but")
    path = s.window(s.ledger.path())
    assert in_cache(s) == path[: len(in_cache(s))]


def test_an_edit_that_only_shortens_feeds_one_token_for_its_logits() -> None:
    s = session(saying("one two"))
    run(s.send("Hi"))
    old = s.ledger.head
    assert old
    count = len(fed(s))
    run(s.edit("one", old))
    assert fed(s)[count:] == encode("e two")  # the last that stays, and what is said again
    assert last_text(s) == "one two"


@settings(max_examples=60)
@given(data=st.data(), kind=st.sampled_from(SAYS_ALL))
def test_an_edit_keeps_the_longest_beginning_that_says_the_same(
    data: st.DataObject, kind: str
) -> None:
    vocabulary = vocabulary_of(kind)
    renderer = Renderer(TEMPLATES["chatml"], vocabulary)
    message = Turn("user", "x", renderer.message("x", first=True))
    said = data.draw(st.lists(st.integers(0, vocabulary.vocab_size - 1), min_size=1, max_size=12))
    reply = Turn("assistant", decoded(vocabulary, said), said, message)
    at = data.draw(st.integers(0, len(reply.text)))
    text = reply.text[:at] + data.draw(st.sampled_from(["", " cat", "é🙂", "</s>"]))
    new = reworded(reply, text, renderer, [message])
    assert new.text == decoded(vocabulary, new.ids)
    whole = [n for n in range(len(said) + 1) if text.startswith(decoded(vocabulary, said[:n]))]
    typed = [i for i in new.ids[len(said) :] if not vocabulary.piece(i)]
    assert typed == []
    if new.text == text and "\ufffd" not in text and not controls_of(vocabulary, said):
        n = max(whole)
        assert n == 0 or new.ids[:n] == said[:n]


def test_white_space_that_no_prompt_keeps_stays_before_an_edited_reply() -> None:
    s = session(saying("\n\nYes, it is."), max_tokens=None)
    run(s.send("Is it?"))
    old = s.ledger.head
    assert old
    run(s.edit("Yes, it", old))
    new = s.ledger.head
    assert new
    assert new.ids[: new.n_begun] == encode("\n\nYes, it")


# What comes of it


def test_regenerating_keeps_what_a_reply_was_given_and_new_words_take_its_place() -> None:
    s = with_words(session(sampling=Sampling(temperature=2.0, top_k=0, min_p=0.0)), "So: ")
    run(s.send("Hi"))
    with_words(s, None)
    run(s.regenerate())
    run(s.regenerate())
    first, second, third = (turn for turn in s.ledger.turns() if turn.role == "assistant")
    assert {turn.n_begun for turn in (first, second, third)} == {4}
    assert all(turn.text.startswith("So: ") for turn in (first, second, third))
    run(with_words(s, "No").regenerate())
    assert last_text(s).startswith("No")
    run(with_words(s, "").regenerate())
    last = s.ledger.head
    assert last
    assert last.n_begun == 0
    assert len(s.ledger.alternatives(last)) == 5


def test_a_begun_reply_is_undone_and_redone_and_branches() -> None:
    s = with_words(session(saying("Hello there", "Fine")), "Hell")
    run(s.send("Hi"))
    path, window = s.ledger.path(), s.window(s.ledger.path())
    with_words(s, None)
    s.undo()
    s.redo()
    assert s.ledger.path() == path
    assert s.window(path) == window
    run(s.send("How?"))
    ids = s.window(s.ledger.path())
    assert ids[: len(window) + 2] == [*window, EOS, BOS]
    assert in_cache(s) == ids[: len(in_cache(s))]


def test_a_reply_is_replayed_from_where_it_was_begun() -> None:
    s = with_words(session(sampling=Sampling(temperature=8.0, top_k=0, min_p=0.0)), "Well")
    run(s.send("Hi"))
    assert run(s.replay())[-1] == Replayed(same=True, at=len(s.ledger.path()[-1].ids))


@pytest.mark.parametrize("words", ["", "Well"])
def test_stopped_at_once_what_was_given_stays(words: str) -> None:
    s = with_words(session(), words)
    run(s.send("Hi", cancelled=lambda: True))
    assert [turn.text for turn in s.ledger.path()] == (["Hi", "Well"] if words else [])
    if words:
        with_words(s, None)
        run(s.proceed())
        reply = s.ledger.head
        assert reply
        assert (reply.text[:4], reply.n_begun, len(reply.runs)) == ("Well", 4, 2)


def test_words_beside_which_nothing_fits_are_refused_and_nothing_has_changed() -> None:
    s = with_words(session(saying("x", context_length=60)), "y" * 60)
    with pytest.raises(PromptTooLongError, match="shorten it"):
        run(s.send("Hi"))
    assert s.ledger.path() == []
    assert fed(s) == []


def test_the_first_that_is_seen_of_a_reply_are_the_words() -> None:
    s = with_words(session(saying("Hello")), "He")
    added = [event.row for event in run(s.send("Hi")) if isinstance(event, TurnAdded)]
    assert [row.text for row in added] == ["Hi", "He"]


def test_a_failure_keeps_the_message_and_the_words() -> None:
    s = with_words(session(), "So")

    def fails(ids: Sequence[int]) -> int:
        raise ChatError("out of memory")

    s.engine._next = fails
    with pytest.raises(ChatError, match="out of memory"):
        run(s.send("Hi"))
    assert [(turn.text, turn.finish) for turn in s.ledger.path()] == [
        ("Hi", None),
        ("So", "cancelled"),
    ]
    assert TOKENIZER.encode("So", bos=False) == s.ledger.path()[-1].ids
