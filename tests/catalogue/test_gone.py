"""A checkpoint that was deleted after it was converted is found as what it was converted to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from convert.stated import Stated
from llama2ncnn_chat.catalogue.cached import cached_models
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import DONE, FoundModel, find_model
from llama2ncnn_chat.catalogue.removing import find_conversions, remove
from llama2ncnn_chat.errors import Advice, ModelError
from llama2ncnn_chat.launch.open_model import load_tokenizer
from tests.chat_folder import write_chat_folder
from tests.gguf_writer import write_gguf
from tests.program import write_tokenizer
from tests.text.tokenizers.gguf_values import of_tokenizer_json
from tests.text.tokenizers.hub_tokenizers import byte_level
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config(vocab_size=300)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    write_tokenizer(tmp_path / "models" / "tokenizer.bin")
    return write_v0(tmp_path / "models" / "m.bin", CONFIG, random_weights(CONFIG, 3))


def said_of(path: Path) -> str:
    return f"{path} is gone: its conversion in the cache is used"


def what_matters(model: FoundModel) -> tuple[object, ...]:
    vocabulary = load_tokenizer(model)
    ids = vocabulary.encode("Hi, is it so?", bos=True)
    return model.name, model.stem, model.desc, model.facts, ids, vocabulary.ends


def test_a_checkpoint_goes_on_without_its_files(checkpoint: Path) -> None:
    before = what_matters(find_model(str(checkpoint)))
    shutil.rmtree(checkpoint.parent)
    found = find_model(str(checkpoint))
    assert what_matters(found) == before
    assert found.notes == (said_of(checkpoint),)


def test_so_does_a_folder_by_any_name_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "chat"
    write_chat_folder(folder)
    before = what_matters(find_model(str(folder)))
    folder.rename(tmp_path / "moved")
    for name in ("chat", "./chat/", "chat/../chat"):
        monkeypatch.chdir(tmp_path)
        found = find_model(name)
        assert what_matters(found) == before
        assert found.notes == (said_of(folder),)
    assert find_model("chat/model.safetensors").stem == found.stem


def test_so_does_a_gguf_with_all_that_is_in_it(tmp_path: Path) -> None:
    tokenizer = of_tokenizer_json(byte_level(), "llama-bpe")
    path, c = tmp_path / "m.gguf", tiny_config(vocab_size=len(tokenizer["tokenizer.ggml.tokens"]))
    write_gguf(path, c, random_weights(c, 1), **tokenizer)
    before = what_matters(find_model(str(path)))
    path.unlink()
    assert what_matters(find_model(str(path))) == before


def test_one_of_the_same_content_is_no_worse(checkpoint: Path) -> None:
    copy = checkpoint.with_name("copy.bin")
    shutil.copy(checkpoint, copy)
    stem = find_model(str(checkpoint)).stem
    assert find_model(str(copy)).stem == stem
    copy.unlink()
    found = find_model(str(copy))
    assert (found.stem, found.name, found.notes) == (stem, "copy.bin", (said_of(copy),))


def test_of_several_the_one_that_is_wanted_is_taken(checkpoint: Path) -> None:
    wanted = [
        Conversion("b8"),
        Conversion("fp32"),
        Conversion("fp32", stated=Stated(rope_theta=500.0)),
    ]
    stems = {each: find_model(str(checkpoint), each).stem for each in wanted}
    for at, stem in enumerate(stems.values()):
        os.utime(stem.parent, (at, at))
    checkpoint.unlink()
    for conversion, stem in stems.items():
        found = find_model(str(checkpoint), conversion)
        assert (found.stem, found.notes) == (stem, (said_of(checkpoint),))
    assert find_model(str(checkpoint)).stem == stems[wanted[1]]  # the newest with nothing stated
    found = find_model(str(checkpoint), Conversion("fp16"))
    assert found.stem == stems[wanted[2]]  # the newest at all
    assert found.notes == (said_of(checkpoint), DONE)


def test_the_tokenizer_that_was_named_may_be_gone_too(checkpoint: Path) -> None:
    named, other = (checkpoint.with_name(name) for name in ("named.bin", "other.bin"))
    checkpoint.with_name("tokenizer.bin").rename(named)
    shutil.copy(named, other)
    before = find_model(str(checkpoint), tokenizer=named)
    checkpoint.unlink()
    assert find_model(str(checkpoint), tokenizer=other).tokenizer == other
    named.unlink()
    found = find_model(str(checkpoint), tokenizer=named)
    assert found.tokenizer.parent == before.stem.parent
    other.unlink()
    with pytest.raises(ModelError, match=r"other\.bin"):  # it may be another one
        load_tokenizer(find_model(str(checkpoint), tokenizer=other))


def test_without_a_conversion_both_are_named(checkpoint: Path) -> None:
    find_model(str(checkpoint))
    checkpoint.unlink()
    with pytest.raises(ModelError, match="no such model, nor a conversion of it in the cache"):
        find_model(str(checkpoint.with_name("other.bin")))
    [model] = cached_models()
    model.stem.with_suffix(".desc").write_text("broken")
    with pytest.raises(ModelError, match="and its conversion in the cache is damaged"):
        find_model(str(checkpoint))
    remove(find_conversions("m.bin"))
    with pytest.raises(ModelError, match=r"m\.bin: no such model, nor a conversion of it"):
        find_model(str(checkpoint))


@pytest.mark.parametrize(
    ("model", "is_prompt"),
    [
        ("tell me a joke", True),
        ("Hello. How are you?", True),
        ("missing", False),
        ("my model.bin", False),
        ("models/my model", False),
        ("./my model", False),
        ("my model/", False),
    ],
)
def test_a_prompt_in_the_place_of_a_model(model: str, is_prompt: bool) -> None:
    with pytest.raises(ModelError, match="no such model") as caught:
        find_model(model)
    assert (caught.value.hint is Advice.MARK_PROMPT) == is_prompt
