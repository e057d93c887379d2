"""What doesn't come from the Hub: said in a line, with what to do."""

from __future__ import annotations

import json
import shutil

import pytest
from huggingface_hub import constants

from convert.errors import ConvertError, WriteError
from convert.hub.fetch import fetch
from convert.hub.names import HubName
from tests.convert.hub.tiny_repo import FILES, NAME, SHARDS, content
from tests.hub_server import TOKEN, Hub, Repo, move_endpoint


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
