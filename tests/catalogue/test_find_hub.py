"""A model named as one of the Hub's, all the way to a conversion in the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from convert.hub.cache import hub_models
from convert.stem import file_of
from llama2ncnn_chat.catalogue.cached import cached_models
from llama2ncnn_chat.catalogue.find import Callbacks, find_model
from llama2ncnn_chat.catalogue.listing import NamedWith, inventory, models_at_hand, models_to_fetch
from tests.hub_server import Hub, Repo
from tests.tiny_model import random_weights, tiny_config, write_v0

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tiny_config()
NAME = "hf:owner/tiny/sub/m.gguf"


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    path = tmp_path / "t.bin"
    path.write_bytes(b"never opened here")
    return path


@pytest.fixture
def tiny(hub: Hub, tmp_path: Path) -> Hub:
    """A file is known by its content, whatever it is called: a checkpoint that all know."""
    checkpoint = write_v0(tmp_path / "m", CONFIG, random_weights(CONFIG, 3))
    hub.repos["owner/tiny"] = Repo({"sub/m.gguf": checkpoint.read_bytes()})
    return hub


def test_it_is_fetched_and_converted_once(tiny: Hub, tokenizer: Path) -> None:
    told: list[tuple[int, int]] = []
    callbacks = Callbacks(fetching=lambda done, total: told.append((done, total)))
    found = find_model(NAME, tokenizer=tokenizer, callbacks=callbacks)
    assert (found.name, found.notes) == ("m.gguf", ())
    assert found.desc.shape.dim == CONFIG.dim
    size = len(tiny.repos["owner/tiny"].files["sub/m.gguf"])
    assert told[-1] == (size, size)
    again = find_model(NAME, tokenizer=tokenizer)
    assert again == found
    assert tiny.fetched() == ["sub/m.gguf"]


def test_the_lists_call_it_by_its_name(tiny: Hub, tokenizer: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    stem = find_model(NAME, tokenizer=tokenizer).stem
    [model] = cached_models()
    assert (model.stem, model.name) == (stem, NAME)
    assert file_of(stem, ".desc").is_file()
    [listed] = models_at_hand(folder=empty)[:-1]
    assert (listed.model, listed.name, listed.where) == (NAME, NAME, "converted before")
    [listed] = models_at_hand({NAME: NamedWith("t.bin")}, empty)[:-1]
    assert (listed.model, listed.where, listed.named.tokenizer) == (NAME, "used lately", "t.bin")
    found = inventory(empty)
    assert [m.model for m in found.hub] == [NAME]
    assert [m.name for m in found.converted] == [NAME]
    # What is only fetched is a model at hand as well.
    for path in stem.parent.iterdir():
        path.unlink()
    stem.parent.rmdir()
    [listed] = models_at_hand(folder=empty)[:-1]
    assert (listed.model, listed.where) == (NAME, "in the Hub's cache")


def test_good_models_are_offered_until_they_are_there(hub: Hub) -> None:
    offered = models_to_fetch([])
    assert offered[0].model == "hf:HuggingFaceTB/SmolLM2-135M-Instruct"
    assert models_to_fetch(offered[:1]) == offered[1:]


def test_the_client_is_imported_for_its_names_alone(hub: Hub) -> None:
    code = (
        "import sys\n"
        "from llama2ncnn_chat.launch.open_chat import open_chat\n"
        "from llama2ncnn_chat.catalogue.find import find_model\n"
        "find_model('demo')\n"
        "assert not {'huggingface_hub', 'httpx2', 'tqdm'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def run(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llama2ncnn_chat", *map(str, args)]
    nobody = subprocess.DEVNULL
    return subprocess.run(command, cwd=ROOT, capture_output=True, stdin=nobody, text=True)


def test_a_person_gets_one_line(tiny: Hub, tokenizer: Path) -> None:
    done = run("hf:owner/none", "-p", "hello")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr == (
        "llama2ncnn-chat: error: hf:owner/none: the Hub has no such model, or a private one; look "
        "at the spelling; for a private one, log in with `hf auth login`, or set HF_TOKEN\n"
    )
    done = run(NAME, "-p", "hello", "--tokenizer", tokenizer)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "t.bin" in done.stderr  # fetched and converted: what is refused is its tokenizer
    assert [str(model.name) for model in hub_models()] == [NAME]
    assert Path(os.environ["HF_HOME"]).is_dir()
