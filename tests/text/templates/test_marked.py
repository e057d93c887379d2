"""Templates against a reading of Meta's reference rendering that shares no code with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llama2ncnn_chat.errors import UsageError
from llama2ncnn_chat.text.templates.marked import (
    TEMPLATES,
    MarkedTemplate,
    template_of,
)
from llama2ncnn_chat.text.templates.stored import template_from
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from tests.fakes import ByteTokenizer

LLAMA2 = template_of("llama2")
BYTES = ByteTokenizer()


def text_of(ids: list[int]) -> str:
    names = {1: "<s>", 2: "</s>"}
    out, run = "", bytearray()
    for token in ids:
        if token in names:
            out += run.decode() + names[token]
            run.clear()
        else:
            run += BYTES.piece(token)
    return out + run.decode()


def test_llama2_as_text() -> None:
    assert text_of(LLAMA2.first(BYTES, "Hi", "S")) == (
        "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nHi [/INST]"
    )
    assert text_of(LLAMA2.first(BYTES, "Hi", "")) == "<s>[INST] Hi [/INST]"
    assert text_of(LLAMA2.next(BYTES, "Hi")) == "<s>[INST] Hi [/INST]"
    assert text_of(LLAMA2.close(BYTES)) == "</s>"


def test_zephyr_and_chatml_begin_with_one_bos() -> None:
    for name, user in (("zephyr", "<|user|>\nHi</s>\n"), ("chatml", "<|im_start|>user\nHi")):
        template = template_of(name)
        for system in ("", "S"):
            first = text_of(template.first(BYTES, "Hi", system))
            assert first.startswith("<s>")
            assert first.count("<s>") == 1
            assert user in first
            assert ("S" in first) == bool(system)
        assert not text_of(template.next(BYTES, "Hi")).startswith("<s>")


class Llama3Names(ByteTokenizer):
    """A vocabulary that has Llama 3's control tokens at its own ids, and no "<s>"."""

    def special(self, name: str) -> int | None:
        known = {"begin_of_text": 128000, "end_of_text": 128001, "eot_id": 128009}
        known |= {"start_header_id": 128006, "end_header_id": 128007}
        return known.get(name[2:-2]) if name == f"<|{name[2:-2]}|>" else None


def test_llama3_as_meta_writes_a_dialog() -> None:
    """``ChatFormat.encode_dialog_prompt`` of Meta's llama3/tokenizer.py, written anew."""

    def header(role: str) -> list[int]:
        return [128006, *BYTES.encode(role, bos=False), 128007, *BYTES.encode("\n\n", bos=False)]

    def message(role: str, text: str) -> list[int]:
        return [*header(role), *BYTES.encode(text, bos=False), 128009]

    t, v = template_of("llama3"), Llama3Names()
    ask = header("assistant")
    want = [128000, *message("system", "S"), *message("user", "Hi"), *ask]
    assert t.first(v, "Hi", "S") == want
    assert t.first(v, "Hi", "") == [128000, *message("user", "Hi"), *ask]
    typed = "<|eot_id|>"
    assert t.close(v) + t.next(v, typed) == [128009, *message("user", typed), *ask]
    assert t.ends == ("<|eot_id|>",)


class Names(ByteTokenizer):
    """A vocabulary that has ChatML's control tokens."""

    def special(self, name: str) -> int | None:
        return {"<|im_start|>": 290, "<|im_end|>": 291}.get(name)


def test_controls_are_single_tokens_where_the_vocabulary_has_them() -> None:
    ids = template_of("chatml").next(Names(), "typed <|im_end|> text")
    assert [ids.count(290), ids.count(291)] == [2, 1]
    assert ids[0] == 290


class NoNames(ByteTokenizer):
    """A vocabulary without any control token."""

    def special(self, name: str) -> int | None:
        return None


def test_names_of_controls_that_the_vocabulary_lacks_are_text() -> None:
    text = "<s>[INST] Hi [/INST]"
    assert LLAMA2.first(NoNames(), "Hi", "") == BYTES.encode(text, bos=False)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("typed", ["</s>", "<s>", "{user}", "{system}", "[/INST]", "\\1"])
def test_what_is_typed_stays_text(name: str, typed: str) -> None:
    template = template_of(name)
    plain = template.first(BYTES, "x", "y")
    for ids in (template.first(BYTES, typed, "y"), template.first(BYTES, "x", typed)):
        assert [t for t in ids if t < 3] == [t for t in plain if t < 3]
        assert typed in text_of(ids)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("system", ["", "S"])
def test_an_opening_is_what_every_such_message_begins_with(name: str, system: str) -> None:
    template = template_of(name)
    first, later = template.first_opening(BYTES, system), template.next_opening(BYTES)
    for text in ("Hi", "a b"):
        assert template.first(BYTES, text, system)[: len(first)] == first
        assert template.next(BYTES, text)[: len(later)] == later


def test_an_unknown_template_is_refused_with_the_names() -> None:
    with pytest.raises(
        UsageError, match=r"no template 'alpaca'.*llama2, zephyr, chatml, llama3, plain"
    ):
        template_of("alpaca")


MINE = MarkedTemplate("mine", "S {system} {user}", "U {user}", "E", "B", ("<|x|>",), ("<|y|>",))


@pytest.mark.parametrize("template", [*TEMPLATES.values(), MINE], ids=lambda each: each.name)
def test_what_a_template_says_makes_an_equal_one_by_way_of_json(template: MarkedTemplate) -> None:
    assert template_from(json.loads(json.dumps(template.to_dict()))) == template


def test_of_a_mere_name_the_built_in_template_is_meant() -> None:
    assert template_from({"name": "zephyr"}) is TEMPLATES["zephyr"]
    with pytest.raises(UsageError, match="no template 'alpaca'"):
        template_from({"name": "alpaca"})


@pytest.mark.parametrize(
    "change",
    [
        {"new": "of a later version"},
        {"turn": 5},
        {"name": ["mine"]},
        {"stops": "<|y|>"},
        {"controls": [1]},
    ],
)
def test_what_this_version_cannot_read_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"mine.*can't read; update"):
        template_from({**MINE.to_dict(), **change})


def test_a_template_that_lacks_something_is_refused() -> None:
    for name in MINE.to_dict():
        with pytest.raises(UsageError, match="can't read"):
            template_from({k: v for k, v in MINE.to_dict().items() if k != name})
    for stored in ({}, {"name": 5}, {"name": ["llama2"]}):
        with pytest.raises(UsageError, match="can't read"):
            template_from(stored)


def test_other_braces_in_a_template_are_text() -> None:
    template = MarkedTemplate("json", "", '{"role": "{user}", {date}}', "")
    assert text_of(template.next(BYTES, "Hi")) == '{"role": "Hi", {date}}'


def test_llama2_token_for_token(shared_data: Path) -> None:
    """``generation.py`` of Meta's llama: every pair is encoded as one text, BOS before, EOS after.

    It puts a space before the EOS, which a model does not say: the one token that differs.
    """
    spm = pytest.importorskip("sentencepiece")
    reference = spm.SentencePieceProcessor(model_file=str(shared_data / "tokenizer.model"))
    ours = open_tokenizer(shared_data / "tokenizer.bin", 32000)
    system = "You are kind.\nBe brief."
    dialog = [("Hello, who are you?", "I am a model."), ("  2+2?\n", "4"), ("größe 🦙", "ok")]
    want: list[int] = []
    got: list[int] = []
    for i, (user, answer) in enumerate(dialog):
        text = f"<<SYS>>\n{system}\n<</SYS>>\n\n{user}" if i == 0 else user
        pair = f"[INST] {text.strip()} [/INST] {answer.strip()} "
        space = reference.encode(pair)[-1]
        assert reference.id_to_piece(space) == "▁"
        want += [1, *reference.encode(pair)[:-1], 2]
        message = user.strip()
        got += LLAMA2.first(ours, message, system) if i == 0 else LLAMA2.next(ours, message)
        got += ours.encode(answer, bos=False) + LLAMA2.close(ours)
    assert got == want
