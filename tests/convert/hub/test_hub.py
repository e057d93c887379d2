"""Models fetched by name, against a server that speaks the Hub's interface."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from convert.errors import ConvertError, WriteError
from convert.hub.cache import hub_models
from convert.hub.fetch import fetch
from convert.hub.names import HubName, needed
from tests.convert.hub.tiny_repo import FILES, NAME, SHARDS, content
from tests.hub_server import COMMIT, OLDER, Hub, Repo, move_endpoint


def test_only_what_is_needed_is_fetched_and_only_once(tiny: Hub) -> None:
    told: list[tuple[int, int]] = []
    fetched = fetch(NAME, lambda done, total: told.append((done, total)))
    assert content(fetched.path) == FILES
    assert fetched.notes == ()
    assert sorted(tiny.fetched()) == sorted(FILES)
    assert tiny.fetched()[0] == "config.json"  # what may be refused comes before its weights
    total = sum(map(len, FILES.values()))
    assert [t for _, t in told] == [total] * len(told)
    assert [d for d, _ in told] == sorted(d for d, _ in told)
    assert told[-1] == (total, total)
    tiny.asked.clear()
    assert fetch(NAME) == fetched
    assert tiny.fetched() == []


def test_nothing_is_said(tiny: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    tiny.cuts[SHARDS[0]] = [100]
    fetch(NAME)
    assert capfd.readouterr() == ("", "")


def test_pytorch_weights_are_taken_where_there_are_no_others() -> None:
    files = ["config.json", "pytorch_model.bin.index.json", "optimizer.bin", "training_args.bin"]
    files += [f"pytorch_model-0000{i}-of-00002.bin" for i in (1, 2)]
    wanted = needed(NAME, files)
    assert wanted == ["config.json", files[1], *files[4:]]
    assert needed(NAME, [*files, "model.safetensors"]) == ["config.json", "model.safetensors"]
    for other in ("consolidated.safetensors", "model.fp16.safetensors", "adapter_model.bin"):
        with pytest.raises(ConvertError, match=r"neither model\.safetensors nor"):
            needed(NAME, ["config.json", other])


KILLED = """
import os, signal
from convert.hub.fetch import fetch
from convert.hub.names import HubName
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = 1000
first = {first}
def killed(done, _total):
    if done > first:
        os.kill(os.getpid(), signal.SIGKILL)
fetch(HubName("owner/tiny"), killed)
"""


def test_of_a_process_that_was_killed_whole_files_stay(tiny: Hub) -> None:
    """The client has no way to go on with the one that was cut: it comes anew, and is whole."""
    first = sum(len(FILES[path]) for path in FILES if path != SHARDS[1]) + 1000
    command = [sys.executable, "-c", KILLED.format(first=first)]
    done = subprocess.run(command, cwd=Path(__file__).resolve().parents[3], check=False)
    assert done.returncode == -signal.SIGKILL
    assert hub_models() == []
    tiny.asked.clear()
    assert content(fetch(NAME).path) == FILES
    assert tiny.fetched() == [SHARDS[1]]
    assert set(tiny.ranges()) == {""}


def test_a_revision_is_another_folder(tiny: Hub) -> None:
    paths = [fetch(HubName("owner/tiny", "", at)).path for at in (None, "v1", OLDER)]
    assert [path.name for path in paths] == [COMMIT, OLDER, OLDER]


def test_a_cut_download_goes_on_where_it_was(tiny: Hub) -> None:
    tiny.cuts[SHARDS[0]] = [2500, 1700]
    done: list[int] = []
    fetched = fetch(NAME, lambda n, _: done.append(n))
    assert content(fetched.path) == FILES
    assert [r for r in tiny.ranges() if r] == ["bytes=2000-", "bytes=3000-"]
    assert done == sorted(done)


def test_it_can_be_ended_and_what_was_whole_stays(tiny: Hub) -> None:
    first = sum(len(FILES[path]) for path in FILES if path not in SHARDS) + len(FILES[SHARDS[0]])

    def leave(done: int, _total: int) -> None:
        if done > first:
            raise WriteError("nobody waits for the model any more")

    with pytest.raises(WriteError, match="nobody waits"):
        fetch(NAME, leave)
    blobs = Path(constants.HF_HUB_CACHE) / "models--owner--tiny" / "blobs"
    assert not list(blobs.glob("*.incomplete"))
    tiny.asked.clear()
    assert content(fetch(NAME).path) == FILES
    assert tiny.fetched() == [SHARDS[1]]


def test_a_gguf_comes_with_all_its_parts(hub: Hub) -> None:
    parts = {f"q/m-0000{i}-of-00003.gguf": bytes([i]) * 3000 for i in (1, 2, 3)}
    hub.repos["owner/parts"] = Repo({**parts, "m.gguf": b"another", "config.json": b"{}"})
    for part in parts:
        fetched = fetch(HubName("owner/parts", part))
        assert fetched.path.name == "m-00001-of-00003.gguf"
        assert content(fetched.path.parents[1]) == parts
    assert sorted(hub.fetched()) == sorted(parts)
    assert fetch(HubName("owner/parts", "m.gguf")).path.read_bytes() == b"another"
    del hub.repos["owner/parts"].files["q/m-00002-of-00003.gguf"]
    with pytest.raises(ConvertError, match=r"no file q/m-00002-of-00003\.gguf"):
        fetch(HubName("owner/parts", "q/m-00001-of-00003.gguf"))


def gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there any more."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    move_endpoint(monkeypatch, f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("how", ["gone", "offline", "out of order"])
def test_without_a_network_the_cache_is_used(
    tiny: Hub, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    tiny.repos["owner/tiny"].files["m.gguf"] = b"a file"
    names = [NAME, HubName("owner/tiny", "m.gguf"), HubName("owner/tiny", "", "v1")]
    before = [fetch(name).path for name in names]
    if how == "gone":
        gone(monkeypatch)
        said = "no answer from http://127.0.0.1"
    elif how == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        said = "HF_HUB_OFFLINE is set"
    else:
        tiny.status = 503
        said = "out of order"
    for name, path in zip(names, before, strict=True):
        fetched = fetch(name)
        assert fetched.path == path
        [note] = fetched.notes
        assert said in note
        assert str(name) in note
    with pytest.raises(ConvertError, match="isn't in the Hub's cache; connect") as caught:
        fetch(HubName("owner/other"))
    assert caught.value.exit_code == 3


def test_what_is_in_part_in_the_cache_is_named(tiny: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetch(NAME).path
    assert [model.name for model in hub_models()] == [NAME]
    (folder / SHARDS[1]).unlink()
    assert hub_models() == []
    gone(monkeypatch)
    with pytest.raises(ConvertError, match=rf"{SHARDS[1]} is missing.*connect"):
        fetch(NAME)


def test_the_cache_is_listed_by_name(tiny: Hub) -> None:
    assert hub_models() == []
    tiny.repos["owner/tiny"].files["m.gguf"] = b"12345"
    tiny.repos["owner/bert"] = Repo({"config.json": b"{}"})
    names = [NAME, HubName("owner/tiny", "m.gguf"), HubName("owner/tiny", "", "v1")]
    paths = [fetch(name).path for name in names]
    size = sum(map(len, FILES.values()))
    found = {model.name: (model.path, model.size) for model in hub_models()}
    assert found == dict(zip(names, zip(paths, (size, 5, size), strict=True), strict=True))
