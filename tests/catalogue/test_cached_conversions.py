"""Conversions in use are found again: by the key of their content, and whatever wrote them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from convert.desc import GRAPH_VERSION, format_desc
from convert.stated import Stated
from convert.stem import file_of
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.catalogue.hashes import content_hash
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from tests.old_model import OLD_DESC, write_old_checkpoint
from tests.tiny_model import forward, random_weights, tiny_config


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer.bin").write_bytes(b"never opened here")
    return write_old_checkpoint(tmp_path / "m.bin")


@pytest.mark.parametrize("kept", [False, True])
def test_a_conversion_of_the_format_before_counts(checkpoint: Path, kept: bool) -> None:
    conversion = Conversion("int8", keep=checkpoint.with_name("kept") if kept else None)
    first = find_model(str(checkpoint), conversion)
    file_of(first.stem, ".desc").write_text(OLD_DESC)
    again = find_model(str(checkpoint), conversion)
    assert again.stem == first.stem
    assert again.desc == first.desc
    assert file_of(first.stem, ".desc").read_text() == OLD_DESC  # not made anew
    engine = NcnnEngine(again.stem, check=True)
    ids = [1, 5, 90, 33, 7]
    c = tiny_config()
    want = forward(c, random_weights(c, 1), ids, 500000.0)[-1]
    assert abs(engine.forward(ids) - want).max() < 0.1 * abs(want).max()
    engine.close()


@pytest.mark.parametrize("version", [2, 3, 5])
@pytest.mark.parametrize("kept", [False, True])
def test_a_conversion_with_another_graph_is_made_anew(
    checkpoint: Path, kept: bool, version: int
) -> None:
    conversion = Conversion(keep=checkpoint.with_name("kept") if kept else None)
    first = find_model(str(checkpoint), conversion)
    other = format_desc(replace(first.desc, graph_version=version))
    file_of(first.stem, ".desc").write_text(other)
    with pytest.raises(ModelError, match=rf"graph version {version}.*convert the model again"):
        NcnnEngine(first.stem)
    again = find_model(str(checkpoint), conversion)
    assert (again.stem, again.desc) == (first.stem, first.desc)
    assert file_of(first.stem, ".desc").read_text() == format_desc(first.desc)
    when = "an earlier" if version < GRAPH_VERSION else "a later"
    said = f"made by {when} version of this program (graph version {version}, now it is"
    assert kept or any(
        said in note and note.endswith("; it was converted anew") for note in again.notes
    )


def test_the_key_is_of_the_content_and_the_options(checkpoint: Path) -> None:
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    nothing = hashlib.sha256(b"").hexdigest()  # the mixture
    tokenizer = checkpoint.with_name("tokenizer.bin").read_bytes()  # by which a text is read
    by = hashlib.sha256(tokenizer).hexdigest()[:8]
    stem = find_model(str(checkpoint)).stem
    assert stem.parent.name == f"{digest[:24]}-q8-{nothing[:8]}-by{by}-1"
    stem = find_model(
        str(checkpoint), Conversion("b6", 32, stated=Stated(rope_order="halves"))
    ).stem
    assert stem.parent.name == f"{digest[:24]}-b6-32-halves-1"


def test_the_key_of_several_files_covers_all(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b")]
    for path, size in zip(files, (3000, 5000), strict=True):
        path.write_bytes(bytes(size))
    told: list[tuple[int, int]] = []
    key = content_hash(files, tmp_path, lambda done, total: told.append((done, total)), [])
    sums = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    assert key == hashlib.sha256(sums.encode()).hexdigest()
    assert told == [(3000, 8000), (8000, 8000)]
    files[1].write_bytes(bytes(4999))
    assert content_hash(files, tmp_path, None, []) != key
