"""A text without a template, by an engine elsewhere."""

from __future__ import annotations

import json

import pytest

from llama2ncnn_chat.cli import main
from tests.launch.test_remote import DEMO, engine, says
from tests.remote.asking import PROPS
from tests.remote.engine_server import saying

PROMPT = "Once upon"


@pytest.mark.parametrize("command", [["--raw", "demo", "-p", PROMPT], ["complete", "demo", PROMPT]])
def test_an_engine_goes_on_with_the_text_as_it_is(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    props = {**PROPS, "chat_template": "{% not to be rendered"}
    with engine(says(" a time"), **{"/props": saying(props)}) as script:
        assert main([*command, "--engine", script.url, "-n", "9", "--json"]) == 0
        (body,) = script.bodies("/completion")
    assert (body["prompt"], body["n_predict"]) == (DEMO.encode(PROMPT), 9)
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert (said["text"], said["finish_reason"], said["model"]) == (" a time", "stop", "tiny.gguf")
    assert f"what you write goes to {script.url.removeprefix('http://')}" in err


def test_an_engine_that_takes_a_prompt_is_not_picked_from_a_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--engine", "localhost:1", "--pick"]) == 2
    assert "--pick" in capsys.readouterr().err
