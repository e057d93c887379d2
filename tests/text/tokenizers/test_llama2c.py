"""A llama2.c vocabulary against SentencePiece itself and against a naive merge loop."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.text.tokenizers.llama2c import llama2c_vocabulary
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from llama2ncnn_chat.text.vocabulary import Vocabulary
from tests.text.decoding import decoded

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent")


class Pair:
    """Our tokenizer and the SentencePiece model that it came from."""

    def __init__(self, ours: Vocabulary, theirs: sentencepiece.SentencePieceProcessor) -> None:
        self.ours, self.theirs = ours, theirs


# Words of many scripts; the last is so rare that the model knows it by its bytes alone.
WORDS = """the cat sat on a mat and it was naïve café über alles 日本語 日本 中文 Ελλάδα def return
x=1 </s> <s> [INST] 1234 🙂👍🏽 e\u0301 don't"""
RARE = "한국어"


def training_lines(rng: random.Random) -> Iterator[str]:
    words = WORDS.split()
    for _ in range(3000):
        space = rng.choice([" ", " ", "  ", "    ", "\t"])
        yield space.join(rng.choices(words, k=rng.randint(1, 12))) + rng.choice(["", ".", "  "])
    yield RARE


def trained(folder: Path, **settings: Any) -> Pair:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=training_lines(random.Random(1)),
        model_writer=model,
        **{"model_type": "bpe", "vocab_size": 450, **settings},
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        character_coverage=0.999,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        minloglevel=2,
    )
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    path = folder / "tokenizer.bin"
    with path.open("wb") as file:  # as llama2.c exports it
        file.write(struct.pack("<i", 64))
        for token in range(theirs.vocab_size()):
            piece = theirs.id_to_piece(token).replace("▁", " ").encode()
            file.write(struct.pack("<fi", theirs.get_score(token), len(piece)) + piece)
    return Pair(open_tokenizer(path, theirs.vocab_size()), theirs)


@pytest.fixture(
    scope="session",
    params=["trained", "unigram", "mistral", pytest.param("llama", marks=needs_data)],
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "trained":
        return trained(folder)
    if request.param == "unigram":
        return trained(folder, model_type="unigram", vocab_size=350)
    if request.param == "mistral":  # control tokens between EOS and the bytes
        return trained(folder, control_symbols=["[INST]", "[/INST]", "[control_8]"])
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(DATA / "tokenizer.model"))
    return Pair(open_tokenizer(DATA / "tokenizer.bin", 32000), theirs)


# Fragments that tokenizers have stumbled over, between characters of every kind.
NAMES = "<s> </s> <unk> <0x0A> [INST] ▁ ▁▁ 日本語 한국어 العربية naïve 1234 aaaa"
MARKS = "\0 \x7f \xa0 \u200b \u0301 e\u0301 \ufffd \ufeff \U0010ffff 🙂 👍🏽 👩\u200d👩\u200d👧"
FRAGMENTS = [*NAMES.split(" "), *MARKS.split(" ")]
FRAGMENTS += [" ", "  ", " " * 17, "\n", "\r\n\t", "the cat", " sat"]
texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=12).map("".join)


@settings(max_examples=300)
@example("")
@example(" ")
@example("▁")
@example("\0")
@example("a" * 5000)
@example(" " * 5000)
@example("\n" * 3001)
@example("🙂" * 1000)
@example("ab" * 2500 + "  \n" * 500)
@given(text=texts)
def test_encode_is_sentencepieces(pair: Pair, text: str) -> None:
    expected = pair.theirs.encode(text)
    assert pair.ours.encode(text, bos=False) == expected
    assert pair.ours.encode(text) == [1, *expected]


@settings(max_examples=300)
@given(data=st.data())
def test_decode_is_sentencepieces(pair: Pair, data: st.DataObject) -> None:
    # Id 0 is apart: SentencePiece shows it as " ⁇ ", here it is nothing.
    tokens = st.integers(1, pair.ours.vocab_size - 1) | st.integers(1, 258)
    ids = data.draw(st.lists(tokens))
    # A raw byte for the very first space, which no encoding gives, is a dummy prefix here alone.
    first = next((token for token in ids if not pair.theirs.is_control(token)), 0)
    assume(first != pair.theirs.piece_to_id("<0x20>"))

    def with_replacements_as_one(text: str) -> str:  # how many of them is a matter of taste
        return re.sub("\ufffd+", "\ufffd", text)

    theirs = with_replacements_as_one(pair.theirs.decode(ids))
    assert with_replacements_as_one(decoded(pair.ours, ids)) == theirs


@settings(max_examples=300)
@given(text=texts.filter(lambda text: "▁" not in text), bos=st.booleans())
def test_decode_undoes_encode(pair: Pair, text: str, bos: bool) -> None:
    assert decoded(pair.ours, pair.ours.encode(text, bos=bos)) == text


@settings(max_examples=300)
@given(text=texts)
def test_the_pieces_of_a_text_joined_are_its_decode(pair: Pair, text: str) -> None:
    ids = pair.ours.encode(text, bos=False)
    pieces = [*map(pair.ours.first_piece, ids[:1]), *map(pair.ours.piece, ids[1:])]
    assert b"".join(pieces).decode() == pair.theirs.decode(ids)
    assert not pair.ours.ends & set(ids)


def test_what_the_vocabulary_says_of_itself_is_sentencepieces(pair: Pair) -> None:
    assert pair.ours.vocab_size == pair.theirs.vocab_size()
    assert pair.ours.ends == frozenset({1, pair.theirs.eos_id()})  # 1: BOS, as run.c has it
    assert pair.ours.special("<s>") == pair.theirs.bos_id()
    assert pair.ours.special("</s>") == pair.theirs.eos_id()
    assert pair.ours.special("<|im_start|>") is None
    controls = [token for token in range(pair.theirs.vocab_size()) if pair.theirs.is_control(token)]
    assert [pair.ours.piece(token) + pair.ours.first_piece(token) for token in controls] == [
        b""
    ] * len(controls)


def test_typed_names_of_control_tokens_and_bytes_stay_text(pair: Pair) -> None:
    ids = pair.ours.encode("<s></s><unk><0x0A>\n<s>\n</s>", bos=False)
    assert not {0, 1, 2} & set(ids)
    assert b"".join(map(pair.ours.piece, ids)) == b" <s></s><unk><0x0A>\n<s>\n</s>"


def test_a_lone_surrogate_counts_as_the_replacement_character(pair: Pair) -> None:
    broken, mended = "a\ud83d b\udc80\ud800", "a\ufffd b\ufffd\ufffd"
    assert pair.ours.encode(broken) == pair.ours.encode(mended)


@needs_data
@pytest.mark.parametrize(
    "name", ["tokenizer.bin", "tokenizer.2023-08.bin", "tokenizer.2023-07.bin"]
)
def test_golden_ids_of_the_llama_tokenizer(name: str) -> None:
    cases = json.loads((DATA / "tokenizer.golden.json").read_text("utf-8"))["cases"]
    assert len(cases) == 40
    tokenizer = open_tokenizer(DATA / name, 32000)
    got = {case["text"]: tokenizer.encode(case["text"]) for case in cases}
    wrong = {case["text"] for case in cases if got[case["text"]] != case["ids"]}
    if name == "tokenizer.2023-07.bin":
        # Llama scores its runs of spaces below all else; the order of ids can't say so.
        assert wrong == {text for text in wrong if "  " in f" {text}"}
        assert len(wrong) <= 3
    else:
        assert wrong == set()


def naive_merges(text: str, scores: dict[str, float]) -> list[str]:
    """What byte-pair encoding means, in its plainest form."""
    symbols = list(text)
    while True:
        joined = [left + right for left, right in pairwise(symbols)]
        known = [(-scores[both], at) for at, both in enumerate(joined) if both in scores]
        if not known:
            return symbols
        _, at = min(known)
        symbols[at : at + 2] = [joined[at]]


letters = st.text("ab ", min_size=1, max_size=5)


@settings(max_examples=500)
@given(
    words=st.dictionaries(letters, st.integers(-3, 0).map(float), max_size=20),
    text=st.text("abc ", min_size=1, max_size=60),
)
def test_best_score_first_and_the_leftmost_among_equals(words: dict[str, float], text: str) -> None:
    pieces = [b""] * 259 + [word.encode() for word in words]
    ids = llama2c_vocabulary(pieces, [0.0] * 259 + list(words.values())).encode(text, bos=False)
    numbers = {word: 259 + at for at, word in enumerate(words)}
    symbols = naive_merges(" " + text, words)
    assert ids == [numbers.get(symbol, 3 + ord(symbol[0])) for symbol in symbols]


@pytest.mark.parametrize("kind", ["letters", "one letter", "spaces", "unicode"])
def test_a_million_characters_take_seconds(pair: Pair, kind: str) -> None:
    count, rng = 1 << 20, random.Random(3)
    if kind == "letters":
        text = "".join(rng.choices("etaoin shrdlu", k=count))
    elif kind == "unicode":
        text = "".join(map(chr, rng.choices([*range(0xD800), *range(0xE000, 0x110000)], k=count)))
    else:
        text = {"one letter": "a", "spaces": " "}[kind] * count
    began = time.monotonic()
    ids = pair.ours.encode(text)
    # A quadratic loop would need hours: the bound is far from both.
    assert time.monotonic() - began < 60
    assert b"".join(map(pair.ours.piece, ids)).decode() == " " + text.replace("▁", " ")
