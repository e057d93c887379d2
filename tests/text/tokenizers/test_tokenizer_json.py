"""``tokenizer.json`` of every kind against the library ``tokenizers`` as transformers asks it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from llama2ncnn_chat.text.tokenizers.added import Beside
from llama2ncnn_chat.text.tokenizers.tokenizer_json import tokenizer_json_vocabulary
from tests.text.decoding import decoded
from tests.text.tokenizers.hub_tokenizers import KINDS
from tests.text.tokenizers.test_sentencepiece import FRAGMENTS


class Pair:
    """Our reading of a document, and the library's, which takes names of special tokens as text."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.ours = tokenizer_json_vocabulary(document, Beside(eos="</s>"))
        self.theirs = Tokenizer.from_str(json.dumps(document))
        self.theirs.encode_special_tokens = True

    def is_known(self, character: str) -> bool:
        """Tell whether the vocabulary can say a character, by its letters or by bytes."""
        unknown = self.theirs.token_to_id("<unk>")
        return unknown not in self.theirs.encode(character, add_special_tokens=False).ids


@pytest.fixture(scope="session", params=KINDS)
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(KINDS[request.param])


NAMES = ["<|end|>", "[left]", "[right]", "mat", "mats", "日本語", "don't", "1234567", "I'LL"]
texts = st.lists(st.sampled_from([*FRAGMENTS, *NAMES]) | st.text(max_size=8), max_size=12).map(
    "".join
)


@settings(max_examples=300)
@example("")
@example(" ")
@example("▁")
@example(" [left] mat [right] <tool> mat")
@example("a" * 3000)
@example(" " * 3000)
@example("🙂" * 1000)
@given(text=texts)
def test_encode_is_the_librarys(pair: Pair, text: str) -> None:
    assert (
        pair.ours.encode(text, bos=False) == pair.theirs.encode(text, add_special_tokens=False).ids
    )
    assert pair.ours.encode(text) == pair.theirs.encode(text).ids


@settings(max_examples=200)
@given(text=texts)
def test_the_decode_of_an_encoded_text_is_the_librarys(pair: Pair, text: str) -> None:
    ids = pair.ours.encode(text)
    assert decoded(pair.ours, ids) == pair.theirs.decode(ids)


@settings(max_examples=200)
@given(data=st.data())
def test_any_ids_of_a_byte_level_vocabulary_decode_as_the_librarys(data: st.DataObject) -> None:
    pair = Pair(KINDS["added"])
    tokens = st.integers(0, pair.ours.vocab_size - 1) | st.integers(0, 255)
    controls = {*pair.ours.controls.values()}
    ids = data.draw(st.lists(tokens.filter(lambda token: token not in controls)))
    assert decoded(pair.ours, ids) == pair.theirs.decode(ids)


@settings(max_examples=200)
@given(text=texts)
def test_a_text_that_goes_on_gets_nothing_put_before_it(pair: Pair, text: str) -> None:
    stripped = {"[left]", "[right]", "mat", "日本", "<tool>"}
    for name in stripped if pair.theirs.token_to_id("[left]") else ():
        text = text.replace(name, "")
    text = "".join(filter(pair.is_known, text))
    ids = pair.ours.encode(text, bos=False, prefix=False)
    joined = b"".join(map(pair.ours.piece, ids)).decode()
    assert joined == (
        text if pair.document["decoder"]["type"] == "ByteLevel" else text.replace("▁", " ")
    )


@settings(max_examples=200)
@given(text=texts)
def test_no_text_is_a_control_token(pair: Pair, text: str) -> None:
    for name in pair.ours.controls:
        ids = pair.ours.encode(f"{name}{text} {name}", bos=False)
        controls = {*pair.ours.controls.values()}
        if pair.document["model"].get("fuse_unk") and not pair.document["model"]["byte_fallback"]:
            controls -= {pair.theirs.token_to_id("<unk>")}  # what unknown characters become
        assert not controls & {*ids}


def test_what_the_vocabulary_says_of_itself(pair: Pair) -> None:
    ours, theirs = pair.ours, pair.theirs
    assert ours.vocab_size == theirs.get_vocab_size()
    assert ours.ends == {theirs.token_to_id("</s>")}
    specials = {
        token.content: i for i, token in theirs.get_added_tokens_decoder().items() if token.special
    }
    assert ours.controls == specials
    assert all(ours.piece(token) == b"" for token in specials.values())
    assert ours.special("<tool>") is None
    padded = ours.padded(ours.vocab_size + 7)
    assert (padded.vocab_size, padded.piece(ours.vocab_size + 6)) == (ours.vocab_size + 7, b"")
    assert ours.with_ends([0, 5]).ends == ours.ends | {0, 5}
    for outside in (-1, ours.vocab_size):
        with pytest.raises(IndexError):
            ours.piece(outside)


def test_text_can_not_become_a_control_token_by_the_models_own_table() -> None:
    # Whole words are looked up before anything is merged, and a merge makes the other name.
    document = copy.deepcopy(KINDS["llama-3"])
    vocab, merges = document["model"]["vocab"], document["model"]["merges"]
    vocab |= {"END": 700, "the": vocab.get("the", 701), "qz": 702}
    merges.append(["q", "z"])
    for content in ("END", "qz"):
        token = {"id": vocab[content], "content": content, "special": True, "normalized": False}
        document["added_tokens"].append(
            token | {"lstrip": False, "rstrip": False, "single_word": False}
        )
    ours = tokenizer_json_vocabulary(document, Beside())
    theirs = Tokenizer.from_str(json.dumps(document))
    theirs.encode_special_tokens = True
    assert {700, 702} <= {*theirs.encode("END qz").ids, *theirs.encode("qz").ids}  # it does
    ids = ours.encode("END qz") + ours.encode("qz")
    assert not {700, 702} & {*ids}
    assert (ours.special("END"), ours.special("qz")) == (700, 702)
    assert b"".join(map(ours.piece, ids)) == b"END qzqz"


def test_a_name_that_looks_like_a_mark_of_turns_is_one() -> None:
    document = copy.deepcopy(KINDS["added"])
    for entry in document["added_tokens"]:
        entry["special"] = False
    ours = tokenizer_json_vocabulary(document, Beside(bos="<s>", eos="</s>"))
    assert {"<|end|>", "<s>", "</s>"} == {*ours.controls}
    assert not {*ours.controls.values()} & {*ours.encode("a<|end|></s> <s>", bos=False)}


@pytest.mark.parametrize(("add_bos", "opening"), [(None, "<s>"), (True, "</s>"), (False, None)])
def test_the_config_beside_decides_what_begins_a_text(add_bos: bool | None, opening: str) -> None:
    ours = tokenizer_json_vocabulary(KINDS["gpt-2"], Beside(bos="</s>", add_bos=add_bos))
    assert ours.encode("") == ([ours.special(opening)] if opening else [])


@pytest.mark.parametrize(
    ("kind", "again"),
    [("llama-2", True), ("always", True), ("first", False), ("never", False), ("gpt-2", False)],
)
def test_whether_a_text_begins_anew_after_control_tokens(kind: str, again: bool) -> None:
    pair = Pair(KINDS[kind])
    pair.theirs.encode_special_tokens = False
    assert pair.ours.begins_after_controls is again
    middle = pair.theirs.token_to_id("</s>")
    expected = pair.theirs.encode("the</s>cat", add_special_tokens=False).ids
    ids = [*pair.ours.encode("the", bos=False), middle]
    assert [*ids, *pair.ours.encode("cat", bos=False, prefix=again)] == expected


def broken(**changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(KINDS["llama-2"])
    model = changes.pop("model", {})
    document["model"] |= model
    return document | changes


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "no model"),
        ({"model": {"type": "Unigram"}}, "'Unigram'"),
        (broken(model={"vocab": None}), "no vocabulary"),
        (broken(model={"vocab": {"a": 1 << 40}}), "id 1099511627776"),
        (broken(model={"vocab": {"a": -1}}), "id -1"),
        (broken(model={"vocab": {"a": True}}), "id True"),
        (broken(model={"merges": [["a"]]}), "merge"),
        (broken(model={"merges": [["no", "such"]]}), "broken"),
        (broken(model={"end_of_word_suffix": "</w>"}), "ends of words"),
        (broken(added_tokens=[{"id": 5}]), "added token"),
        (broken(added_tokens=[{"id": 1 << 30, "content": "x"}]), "id 1073741824"),
        (broken(added_tokens=[{"id": 7, "content": "<s>"}]), "two ids"),
        (broken(decoder=None), "decoder"),
        (broken(decoder={"type": "WordPiece"}), "WordPiece"),
        (broken(pre_tokenizer={"type": "Odd"}), "isn't known"),
        (broken(pre_tokenizer={"type": "Split", "pattern": {"Regex": "("}}), "isn't known"),
        (broken(normalizer=[]), "normalizer"),
    ],
)
def test_what_can_not_be_read_is_refused_with_the_reason(document: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        tokenizer_json_vocabulary(document, Beside())
