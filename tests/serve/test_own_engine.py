"""The program's own ``--engine`` and its own server: what comes is what the engine alone gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llama2ncnn_chat.cli import main
from tests.serve.serving import served


def test_a_chat_by_way_of_a_server_is_the_chat_itself(capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["demo", "-p", "hello, my name is Ann", "--no-save", "--temp", "0"]
    assert main(asked) == 0
    alone = capfd.readouterr().out
    with served() as url:
        assert main([*asked, "--engine", url]) == 0
        assert capfd.readouterr().out == alone != ""
        assert main([*asked, "--engine", url, "--logprobs", "2", "--json"]) == 0
        told = json.loads(capfd.readouterr().out)["logprobs"]
        assert "".join(each["token"] for each in told) == alone.strip()


def test_a_reply_by_way_of_a_server_fits_the_schema_that_it_would_here(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"type": "array", "items": {"enum": ["red", "blue"]}, "maxItems": 3}')
    asked = ["demo", "-p", "which colours?", "--no-save", "--temp", "0", "-n", "60"]
    asked += ["--json-schema", str(file)]
    assert main(asked) == 0
    alone = capfd.readouterr().out
    assert set(json.loads(alone)) <= {"red", "blue"}
    with served() as url:
        assert main([*asked, "--engine", url]) == 0
        assert capfd.readouterr().out == alone
