"""Models fetched by name, against a server that speaks the Hub's interface."""

from __future__ import annotations

import json
import shutil
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
from convert.hub.names import HubName, needed, parse_name
from tests.hub_server import COMMIT, OLDER, TOKEN, Hub, Repo, move_endpoint

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = json.dumps({"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}).encode()
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "additional_chat_templates/tools.jinja": b"{{ tools }}",
    "model.safetensors.index.json": INDEX,
    SHARDS[0]: bytes(range(256)) * 20,
    SHARDS[1]: bytes(reversed(range(256))) * 10,
}
NOT_NEEDED = {
    "README.md": b"# A model",
    ".gitattributes": b"*",
    "consolidated.safetensors": b"the same once more",
    "pytorch_model.bin": b"and once more",
    "onnx/model.onnx": b"and in another format",
    "original/params.json": b"{}",
}
NAME = HubName("owner/tiny")


@pytest.fixture
def tiny(hub: Hub) -> Hub:
    hub.repos["owner/tiny"] = Repo(FILES | NOT_NEEDED)
    return hub


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_names_are_read_and_written() -> None:
    for text, name in {
        "hf:owner/tiny": NAME,
        "hf:owner/tiny@v1": HubName("owner/tiny", "", "v1"),
        "hf:owner/tiny@refs/pr/1": HubName("owner/tiny", "", "refs/pr/1"),
        "hf:o.w-n_er/T-1.1b/sub/m.Q4_K_M.gguf": HubName("o.w-n_er/T-1.1b", "sub/m.Q4_K_M.gguf"),
        "hf:owner/tiny/m.gguf@v1": HubName("owner/tiny", "m.gguf", "v1"),
    }.items():
        assert parse_name(text) == name
        assert str(name) == text
    assert HubName("owner/tiny", "sub/m.gguf").short == "m.gguf"
    assert NAME.short == "tiny"


@pytest.mark.parametrize(
    "text",
    [
        "hf:",
        "hf:gpt2",
        "hf:a/b/c",
        "hf:a/b@",
        "hf://a/b",
        "hf:a/b/../../x.gguf",
        "hf:a/b\n",
        "hf:/b",
    ],
)
def test_what_is_no_name_says_how_one_looks(text: str) -> None:
    with pytest.raises(ConvertError, match="hf:OWNER/NAME"):
        parse_name(text)


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


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"]}, "'Gemma2ForCausalLM'"),
        ({"model_type": "bert"}, "LlamaForCausalLM (llama), MistralForCausalLM (mistral)"),
        ({"model_type": "llama", "quantization_config": {"bits": 4}}, "a quantised repository"),
        ({"model_type": "llama", "rope_scaling": {"type": "longrope", "factor": 2}}, "'longrope'"),
        ({"model_type": "llama", "partial_rotary_factor": 0.5}, "partial_rotary_factor is '0.5'"),
        ([], "isn't a JSON object"),
    ],
)
def test_what_can_not_be_run_is_refused_before_its_weights_come(
    tiny: Hub, config: object, why: str
) -> None:
    tiny.repos["owner/tiny"].files["config.json"] = json.dumps(config).encode()
    said = refusal(NAME)
    assert said.startswith("hf:owner/tiny: config.json: ")
    assert why in said
    assert tiny.fetched() == ["config.json"]


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


def refusal(name: HubName) -> str:
    with pytest.raises(ConvertError) as caught:
        fetch(name)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_gated_model_says_what_to_do(tiny: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.repos["owner/tiny"].gated = True
    page = f"accept them at {tiny.endpoint}/owner/tiny"
    assert page in refusal(NAME)
    assert "hf auth login" in refusal(NAME)
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    assert page in refusal(NAME)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    tiny.tokens.clear()
    assert content(fetch(NAME).path) == FILES
    elsewhere = {token for path, token in tiny.tokens if path.startswith("/cdn/")}
    assert elsewhere == {""}  # the token is the Hub's alone


def test_what_is_not_there_is_named(tiny: Hub) -> None:
    tiny.repos["owner/ggufs"] = Repo({"a.gguf": b"", "b-00001-of-00002.gguf": b""})
    tiny.repos["owner/data"] = Repo({"README.md": b""})
    assert "the Hub has no such model, or a private one" in refusal(HubName("owner/none"))
    assert "no revision 'v9'" in refusal(HubName("owner/tiny", "", "v9"))
    assert "no file x.gguf" in refusal(HubName("owner/tiny", "x.gguf"))
    said = refusal(HubName("owner/ggufs"))
    assert "no config.json" in said
    assert "hf:owner/ggufs/a.gguf, hf:owner/ggufs/b-00001-of-00002.gguf" in said
    assert "name a model that has config.json" in refusal(HubName("owner/data"))
    assert "no name of a model on the Hub" in refusal(HubName("owner/a--b"))


def test_a_server_that_is_no_hub_is_named(tiny: Hub) -> None:
    tiny.status = 200
    assert f"{tiny.endpoint} doesn't answer as a Hub does; look at HF_ENDPOINT" in refusal(NAME)
    tiny.status = 403
    assert "doesn't take the token (403)" in refusal(NAME)


def test_a_connection_that_stays_broken_is_an_error(
    tiny: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    tiny.cuts[SHARDS[0]] = [0] * 20
    assert "broke; name it again" in refusal(NAME)


def test_no_room_is_said_before_anything_comes(tiny: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(WriteError, match=r"1,000 free; HF_HOME") as caught:
        fetch(NAME)
    assert caught.value.exit_code == 1
    assert tiny.fetched() == []


def test_a_file_that_the_hub_does_not_send_is_named(
    tiny: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(HubName("owner/tiny", "", "v1"))
    tiny.asked.clear()
    monkeypatch.setattr(constants, "MAX_HTTP_DOWNLOAD_SIZE", 3000)
    fetch(HubName("owner/tiny", "", "v1"))  # it came by another way
    assert f"{SHARDS[0]} has 5,120 bytes, and the Hub sends 3,000 at most" in refusal(NAME)
    assert tiny.fetched() == []


@pytest.mark.parametrize("endpoint", ["nonsense", "http://[", "ftp://x", "http://x:99999"])
def test_an_endpoint_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    move_endpoint(monkeypatch, endpoint)
    assert endpoint in refusal(NAME)


def test_the_cache_is_listed_by_name(tiny: Hub) -> None:
    assert hub_models() == []
    tiny.repos["owner/tiny"].files["m.gguf"] = b"12345"
    tiny.repos["owner/bert"] = Repo({"config.json": b"{}"})
    names = [NAME, HubName("owner/tiny", "m.gguf"), HubName("owner/tiny", "", "v1")]
    paths = [fetch(name).path for name in names]
    size = sum(map(len, FILES.values()))
    found = {model.name: (model.path, model.size) for model in hub_models()}
    assert found == dict(zip(names, zip(paths, (size, 5, size), strict=True), strict=True))
