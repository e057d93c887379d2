"""What a draft settles by now is what is fed of the message in the end; nothing else changes."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from llama2ncnn_chat.conversation.ahead import settled_ids
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.generation.cached_ids import FEW
from llama2ncnn_chat.generation.completer import common_prefix
from llama2ncnn_chat.text.templates.marked import TEMPLATES
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from llama2ncnn_chat.text.vocabulary import Vocabulary
from tests.conversation.scripted import Talk, fed, in_cache, muddled, pause, run, session
from tests.fakes import ScriptedEngine

WORDS = st.sampled_from(
    ["The", "fox,", "isn't", "so", "quick.", "42", "x = 1;", "(yes)", "déjà", "狐"]
)
GAPS = st.sampled_from([" ", " ", " ", "  ", "\n", "\n\n", "\t"])
TEXTS = st.lists(st.tuples(WORDS, GAPS), min_size=1, max_size=12).map(
    lambda parts: "".join(word + gap for word, gap in parts).strip()
)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return open_tokenizer(DEMO_CHECKPOINT.with_suffix(".tokenizer.bin"))


@pytest.mark.parametrize("template", TEMPLATES)
@given(text=TEXTS, system=st.sampled_from(["", "Be brief."]))
@settings(max_examples=40)
def test_what_is_settled_stays_while_a_text_is_typed(
    vocabulary: Vocabulary, template: str, text: str, system: str
) -> None:
    renderer = Renderer(TEMPLATES[template], vocabulary, system)
    render = partial(renderer.message, first=True)
    whole, longest = render(text), 0
    for n in range(len(text) + 1):
        settled = settled_ids(render, text[:n])
        # But for a space before a letter, which may yet be of a word with its space.
        assert common_prefix(settled, whole) >= len(settled) - 1, text[:n]
        longest = max(longest, len(settled))
    # All but the last word and what the template writes after it.
    begun = text.rsplit(maxsplit=1)[0] if len(text.split()) > 1 else ""
    assert longest >= len(render(begun)) - len(render("")) if begun else True


def test_a_text_without_spaces_is_settled_but_for_its_end() -> None:
    s = session()
    render = partial(s.renderer.message, first=True)
    text = "狐" * 60
    settled = settled_ids(render, text)
    assert len(render(text[:30])) < len(settled) < len(render(text[:45]))
    assert render(text)[: len(settled)] == settled


def type_slowly(s: Talk, text: str) -> None:
    for n in range(len(text) + 1):
        pause(s, text[:n])


def test_a_message_that_was_typed_slowly_is_read_once() -> None:
    typed, untyped = session(system="be brief"), session(system="be brief")
    for text in ("What is a fox, and is it quick?", "And a dog? Say it in a word or two."):
        before = len(fed(typed))
        type_slowly(typed, text)
        ahead = len(fed(typed)) - before
        run(typed.send(text))
        run(untyped.send(text))
        assert in_cache(typed) == in_cache(untyped)
        assert fed(typed) == fed(untyped)
        assert ahead > len(text) * 3 // 4
    assert [t.ids for t in typed.ledger.path()] == [t.ids for t in untyped.ledger.path()]


def test_typing_changes_nothing_of_the_conversation() -> None:
    s = session()
    run(s.send("hello"))
    path = [list(turn.ids) for turn in s.ledger.path()]
    type_slowly(s, "never sent at all")
    assert [turn.ids for turn in s.ledger.path()] == path
    assert s.ledger.end() is s.ledger.head
    s.undo()
    type_slowly(s, "nor this")
    s.redo()
    assert [turn.ids for turn in s.ledger.path()] == path


def test_a_draft_that_does_not_fit_is_not_read() -> None:
    """Old turns would go first, and what is there would be moved."""
    s = session(ScriptedEngine(muddled, context_length=200))
    run(s.send("hello"))
    count = len(fed(s))
    pause(s, "a long " * 40)
    assert len(fed(s)) == count


def test_an_empty_draft_reads_what_a_conversation_begins_with() -> None:
    s = session(system="be brief")
    pause(s, "")
    opening = s.ahead.opening()
    assert in_cache(s) == opening[: len(in_cache(s))]
    assert len(in_cache(s)) > len(opening) - FEW
    assert opening == s.renderer.message("hello", first=True)[: len(opening)]
    assert len(opening) >= len(s.renderer.opening())
