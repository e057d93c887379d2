"""Replies that have to fit a JSON schema, held against the package ``jsonschema``."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from llama2ncnn_chat.errors import Advice, ChatError, UsageError
from llama2ncnn_chat.events import Event, Finished, TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.grammar import refuse_unusable
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY, Sampling
from llama2ncnn_chat.text.tokenizers.added import Beside
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from llama2ncnn_chat.text.tokenizers.sentencepiece import sentencepiece_vocabulary
from llama2ncnn_chat.text.tokenizers.tokenizer_json import tokenizer_json_vocabulary
from llama2ncnn_chat.text.vocabulary import Vocabulary
from tests.fakes import EOS, ByteTokenizer, Float32, ScriptedEngine
from tests.generation.any_schema import SCHEMAS
from tests.text.tokenizers.hub_tokenizers import KINDS
from tests.text.tokenizers.test_sentencepiece import LLAMA, trained

ROOT = Path(__file__).resolve().parents[2]
BYTES = ByteTokenizer()
PROMPT = [1, 5]
ANYTHING = Sampling(temperature=3.0, top_k=0, top_p=1.0, min_p=0.0)
SAMPLINGS = (GREEDY, Sampling(), ANYTHING, Sampling(temperature=2, repeat_penalty=1.5, min_p=0))
VOCABULARIES: dict[str, Vocabulary] = {
    "a token per byte": BYTES,
    "llama2.c": open_tokenizer(DEMO_CHECKPOINT.parent / "demo.tokenizer.bin", 2048),
    "SentencePiece": sentencepiece_vocabulary(trained(**LLAMA)),
    **{
        kind: tokenizer_json_vocabulary(KINDS[kind], Beside(eos="</s>"))
        for kind in ("gpt-2", "llama-3", "added", "llama-2", "always", "llama-2, added")
    },
}


class Muddle(ScriptedEngine):
    """Logits that depend on all that stands before, and mean nothing."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__(lambda _: 0, vocab_size=vocab_size, context_length=6000)

    def forward_all(self, ids: Sequence[int]) -> Float32:
        rows = []
        for token in ids:
            self.ids.append(token)
            seed = zlib.crc32(np.asarray(self.ids, np.int32).tobytes())
            rows.append(np.random.default_rng(seed).standard_normal(self.vocab_size))
        return np.asarray(rows, np.float32) * 4


def wanting(script: Sequence[int], *, n_before: int = 0, vocab_size: int = 300) -> ScriptedEngine:
    """An engine that wants to say these ids, whatever has been said instead of them."""
    start = len(PROMPT) + n_before
    return ScriptedEngine(
        lambda ids: script[min(len(ids) - start, len(script) - 1)],
        vocab_size=vocab_size,
        context_length=2000,
    )


def saying(text: str, *, before: str = "") -> ScriptedEngine:
    return wanting([*BYTES.encode(text, bos=False), EOS], n_before=len(before))


def limits(schema: Any, before: str = "", **more: Any) -> Limits:
    ids = tuple(BYTES.encode(before, bos=False))
    return Limits(before=ids, schema=json.dumps(schema), **more)


def run(
    engine: ScriptedEngine,
    limits: Limits,
    vocabulary: Vocabulary = BYTES,
    sampling: Sampling = GREEDY,
) -> list[Event]:
    completer = LocalCompleter(engine, vocabulary)
    ids = [*PROMPT, *(limits.before or ())]
    return list(completer.complete(ids, sampling, Draws(3), limits))


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end_of(events: Sequence[Event]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


# Any reply of any model fits


@pytest.mark.parametrize("kind", VOCABULARIES)
@settings(max_examples=12)
@given(schema=SCHEMAS, sampling=st.sampled_from(SAMPLINGS))
def test_any_reply_fits(kind: str, schema: dict[str, Any], sampling: Sampling) -> None:
    schema = {**schema, "$defs": {"word": {"type": "string", "maxLength": 3}}}
    vocabulary = VOCABULARIES[kind]
    events = run(
        Muddle(vocabulary.vocab_size),
        Limits(before=(), schema=json.dumps(schema)),
        vocabulary,
        sampling,
    )
    end = end_of(events)
    assert (end.reason, end.json_cut) == ("stop", False)
    assert all(vocabulary.piece(token) for token in end.ids)
    jsonschema.validate(json.loads(text_of(events)), schema)


# What the model wants to say is left to it, as far as it fits

POINT = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "text", ['{"a":1}', '\n{\n  "a": 12,\n  "b": "é\\n\\"日本"\n}', '\n\n{ "a" : -7 }']
)
def test_what_fits_is_said_as_the_model_has_it(text: str) -> None:
    events = run(saying(text), limits(POINT))
    assert text_of(events) == text
    assert end_of(events).ids == tuple(BYTES.encode(text, bos=False))


def test_where_it_fits_it_may_end_and_where_nothing_may_follow_it_does() -> None:
    assert text_of(run(saying("12"), limits({"type": "integer"}))) == "12"
    assert text_of(run(saying("12 and more"), limits({"type": "integer", "maximum": 99}))) == "12"
    assert text_of(run(saying("true, I think"), limits({"type": "boolean"}))) == "true"


def test_an_end_that_comes_too_soon_is_not_taken() -> None:
    pair = {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}
    events = run(wanting([EOS]), limits(pair))
    assert end_of(events).reason == "stop"
    jsonschema.validate(json.loads(text_of(events)), pair)


def test_bytes_of_characters_are_tokens_like_any_other() -> None:
    vocabulary = VOCABULARIES["llama-2"]
    text = '"日\U0001f642"'
    script = [*vocabulary.encode(text, bos=False), *vocabulary.ends]
    engine = wanting(script, vocab_size=vocabulary.vocab_size)
    events = run(engine, Limits(before=(), schema='{"type": "string"}'), vocabulary)
    assert text_of(events) == text


def test_the_draws_are_a_seeds() -> None:
    texts = [
        text_of(run(Muddle(300), limits({"type": "string", "maxLength": 20}), BYTES, ANYTHING))
        for _ in range(2)
    ]
    assert texts[0] == texts[1]


# A text that has begun


def test_a_text_goes_on_from_what_is_there() -> None:
    before = '{"a":'
    text = text_of(run(saying(' 5, "b": "x"}', before=before), limits(POINT, before)))
    assert text == ' 5, "b": "x"}'


@pytest.mark.parametrize("before", ["no", '{"a": x', '{"a": 1} ', '{"c"'])
def test_what_can_not_become_one_that_fits_is_refused(before: str) -> None:
    engine = saying("}")
    completer = LocalCompleter(engine, BYTES)
    for refused in (
        lambda: completer.refuse_unfit(limits(POINT, before)),
        lambda: completer.complete(PROMPT, GREEDY, Draws(0), limits(POINT, before)),
    ):
        with pytest.raises(ChatError, match="can't become JSON that fits") as caught:
            refused()
        assert caught.value.hint is Advice.DROP_SCHEMA
    assert engine.fed == []
    completer.refuse_unfit(limits(POINT, '{"a": '))


@pytest.mark.parametrize("kind", VOCABULARIES)
def test_a_reply_in_two_halves_is_that_in_one(kind: str) -> None:
    vocabulary = VOCABULARIES[kind]
    schema = json.dumps({"type": "array", "items": {"enum": ["one", "two"]}, "minItems": 4,
                         "maxItems": 4})  # fmt: skip
    whole = end_of(run(Muddle(vocabulary.vocab_size), Limits(before=(), schema=schema), vocabulary))
    cut = Limits(len(whole.ids) // 2, before=(), schema=schema)
    first = end_of(run(Muddle(vocabulary.vocab_size), cut, vocabulary))
    rest = Limits(before=first.ids, schema=schema)
    second = end_of(run(Muddle(vocabulary.vocab_size), rest, vocabulary))
    assert first.ids + second.ids == whole.ids


@pytest.mark.parametrize(
    ("max_tokens", "stops", "cut"), [(6, (), True), (7, (), False), (None, ("1",), True)]
)
def test_it_tells_whether_it_was_cut(
    max_tokens: int | None, stops: tuple[str, ...], cut: bool
) -> None:
    bounds = limits(POINT, max_tokens=max_tokens, stops=stops)
    assert end_of(run(saying('{"a":1}'), bounds)).json_cut == cut


# Reasoning


def test_reasoning_that_the_template_begins_is_free_and_has_to_end() -> None:
    text = 'Hm. {"a": no}\n<b></think\n</think>\n\n{"a": 1}'
    assert text_of(run(saying(text), limits(POINT, thinks=True))) == text
    silently = wanting([*BYTES.encode("hm", bos=False), EOS])
    silent = text_of(run(silently, limits(POINT, thinks=True, max_tokens=30)))
    assert silent.startswith("hm")
    assert len(silent) >= 30  # no end before there is an answer


# What can't be held to


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "has to be an object"),
        ('{"type": "thing"}', "thing"),
        ('{"type": "string", "pattern": "("}', "regex"),
        ('{"$ref": "#/$defs/none"}', "none"),
        ('{"not": {"type": "string"}}', "not"),
        ('{"type": "string", "format": "no-such"}', "no-such"),
    ],
)
def test_a_schema_that_can_not_be_held_to_is_refused_with_the_reason(
    schema: str, reason: str
) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_unusable(schema)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_schema_too_deep_to_be_read_or_written_is_refused() -> None:
    limit = sys.getrecursionlimit()
    for depth in range(limit - 200, limit):  # at some of these it can be read, but not written
        with pytest.raises(UsageError):
            refuse_unusable('{"a":' * depth + "1" + "}" * depth)


class Endless(ByteTokenizer):
    ends: frozenset[int] = frozenset()


def test_a_vocabulary_without_an_end_is_refused() -> None:
    with pytest.raises(ChatError, match="no token that ends"):
        run(saying("{}"), limits({}), Endless())


class Mute(ByteTokenizer):
    """Has no digits."""

    def piece(self, token: int) -> bytes:
        return b"" if super().piece(token).isdigit() else super().piece(token)


def test_a_vocabulary_that_can_not_go_on_is_an_error() -> None:
    with pytest.raises(ChatError, match="no token with which the JSON could go on"):
        run(saying("1"), limits({"type": "integer"}), Mute())


def test_without_the_library_it_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "llguidance.py").write_text("raise ImportError('none')")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from llama2ncnn_chat.errors import UsageError\n"
        "from llama2ncnn_chat.generation.grammar import refuse_unusable\n"
        "try: refuse_unusable('{}')\nexcept UsageError as e: sys.exit(str(e))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == (
        "JSON that fits a schema takes the package llguidance; pip install llguidance\n"
    )
