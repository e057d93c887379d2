"""``open_tokenizer`` on the three formats, and on files that are not what they should be."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.text.tokenizers.open import MAX_FILE_BYTES, open_tokenizer
from tests.text.decoding import decoded

BYTE_NAMES = [b"<0x%02X>" % byte for byte in range(256)]
CONTROLS = [b"<unk>", b"\n<s>\n", b"\n</s>\n"]


def scored_file(pieces: list[bytes], scores: list[float]) -> bytes:
    """The current format; 2023-08 with raw bytes in place of the byte pieces' names."""
    entries = zip(pieces, scores, strict=True)
    body = (struct.pack("<fi", score, len(piece)) + piece for piece, score in entries)
    return struct.pack("<i", max(map(len, pieces))) + b"".join(body)


def unscored_file(pieces: list[bytes]) -> bytes:
    return b"".join(struct.pack("<i", len(piece)) + piece for piece in pieces)


def small(words: dict[str, float]) -> tuple[list[bytes], list[float]]:
    """A whole vocabulary around a few words."""
    pieces = CONTROLS + BYTE_NAMES + [word.encode() for word in words]
    return pieces, [0.0] * 259 + list(words.values())


@pytest.fixture
def words() -> dict[str, float]:
    # The order of ids and that of scores agree, as the format without scores needs.
    return {" ": -1.0, "a": -2.0, "b": -3.0, "ab": -4.0, " a": -5.0, "é": -6.0, "bé": -7.0}


@pytest.mark.parametrize("form", ["current", "raw bytes", "raw Latin-1", "no scores"])
def test_all_formats_read_alike(form: str, words: dict[str, float], tmp_path: Path) -> None:
    pieces, scores = small(words)
    if form != "current":
        pieces[3:259] = [
            bytes([byte]) if form == "raw bytes" else chr(byte).encode() for byte in range(256)
        ]
    path = tmp_path / "tokenizer.bin"
    path.write_bytes(unscored_file(pieces) if form == "no scores" else scored_file(pieces, scores))
    tokenizer = open_tokenizer(path, 266)
    assert (tokenizer.vocab_size, tokenizer.ends) == (266, frozenset({1, 2}))
    assert [tokenizer.special(name) for name in ("<s>", "</s>", " a")] == [1, 2, 263]
    assert tokenizer.special("<|im_end|>") is None
    assert [tokenizer.piece(token) for token in (0, 1, 2)] == [b"", b"", b""]
    assert [tokenizer.piece(3 + byte) for byte in range(256)] == [bytes([b]) for b in range(256)]
    assert tokenizer.piece(265) == "bé".encode()
    assert tokenizer.encode("abé\x80ab") == [1, 259, 262, 264, 3 + 0xC2, 3 + 0x80, 262]
    assert open_tokenizer(path).vocab_size == 266
    for outside in (-1, 266):
        with pytest.raises(IndexError):
            tokenizer.piece(outside)


def refusal(path: Path, data: bytes | None = None, vocab_size: int | None = None) -> str:
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        open_tokenizer(path, vocab_size)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value.message


def test_another_number_of_entries_is_refused_with_both_numbers(
    words: dict[str, float], tmp_path: Path
) -> None:
    message = refusal(tmp_path / "t.bin", scored_file(*small(words)), 32000)
    assert "266" in message
    assert "32000" in message


def test_a_model_may_have_more_rows_than_entries_but_never_fewer(
    words: dict[str, float], tmp_path: Path
) -> None:
    path = tmp_path / "t.bin"
    path.write_bytes(scored_file(*small(words)))
    padded = open_tokenizer(path, 330)
    assert (padded.vocab_size, padded.n_padding, padded.piece(329)) == (330, 64, b"")
    message = refusal(path, vocab_size=265)
    assert "266" in message
    assert "265" in message


def test_every_truncation_is_refused(words: dict[str, float], tmp_path: Path) -> None:
    pieces, scores = small(words)
    for whole in (scored_file(pieces, scores), unscored_file(pieces)):
        scored = whole[:4] != unscored_file(pieces[:1])[:4]
        # A file that ends with an entry is a whole one, of fewer entries.
        ends = {
            len(scored_file(pieces[:n], scores[:n]) if scored else unscored_file(pieces[:n]))
            for n in range(259, len(pieces))
        }
        for length in [*range(40), *range(40, len(whole), 97), *range(len(whole) - 40, len(whole))]:
            if length not in ends:
                refusal(tmp_path / "t.bin", whole[:length], 266)


def spoiled(at: int, piece: bytes, score: float = 0.0) -> bytes:
    pieces, scores = small({" ": 0.0, "a": 0.0})
    pieces[at], scores[at] = piece, score
    return scored_file(pieces, scores)


WHOLE = scored_file(*small({" ": 0.0, "a": 0.0}))
SECOND_LENGTH = 4 + 8 + len("<unk>") + 4


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "0 bytes"),
        (b"\0" * 5000, "length of 0"),
        (b"hello, this is prose and no tokenizer " * 100, "broken"),
        (WHOLE + b"\0", "ends within entry 261"),
        (WHOLE[:SECOND_LENGTH] + b"\xff\xff\xff\xff" + WHOLE[SECOND_LENGTH + 4 :], "length of -1"),
        (WHOLE[:SECOND_LENGTH] + b"\xff\xff\xff\x7f" + WHOLE[SECOND_LENGTH + 4 :], "2147483647"),
        (scored_file(small({})[0][:200], [0.0] * 200), "200 entries"),
        (spoiled(260, b"a", math.nan), "score of nan"),
        (spoiled(260, b"a", math.inf), "score of inf"),
        (spoiled(260, b"\xff\n\xfe"), "UTF-8"),
        (spoiled(13, b"<0x0B>"), "id 13"),
    ],
)
def test_broken_files_are_refused_with_the_reason(data: bytes, says: str, tmp_path: Path) -> None:
    assert says in refusal(tmp_path / "t.bin", data)


@settings(max_examples=300)
@given(at=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_any_changed_byte_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.bin"
    path.write_bytes(WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :])
    try:
        tokenizer = open_tokenizer(path, 261)
    except ModelError:
        return
    assert decoded(tokenizer, tokenizer.encode("a bé")) == "a bé"


def test_what_is_not_a_readable_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "absent.bin")
    assert "not a file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")
    with (tmp_path / "huge.bin").open("wb") as huge:
        huge.truncate(1 << 40)
    assert f"{MAX_FILE_BYTES:,}" in refusal(tmp_path / "huge.bin")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.bin"
    path.write_bytes(WHOLE)
    path.chmod(0)
    assert "Permission" in refusal(path)
