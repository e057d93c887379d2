"""A JSON schema as a setting: read from a file, refused with the reason, kept in a preset."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.completion import suggest
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.paths import config_file
from llama2ncnn_chat.storage.store import Store
from tests.chat.asked import complaint, said
from tests.chatting import do, make_chat, stored_chat, transcript

ANSWER = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
          "additionalProperties": False}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(ANSWER))
    return path


def test_replies_fit_until_it_is_off(chat: Chat, file: Path) -> None:
    assert said(chat, f"/set schema {file}") == f"schema {file}"
    do(chat, "hello")
    jsonschema.validate(json.loads(transcript(chat)[-1]), ANSWER)
    assert said(chat, "/set json-schema off") == "schema off"
    do(chat, "hello")
    assert transcript(chat)[-1].strip() == "You said hello."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is no JSON"),
        (b'{"type": "thing"}', "thing"),
        (b"\xff\xfa", "is not text in UTF-8"),
        (b" " * 300_000, "300,000 bytes, and a JSON schema has at most"),
    ],
)
def test_a_bad_one_is_refused_and_the_one_before_stays(
    chat: Chat, file: Path, content: bytes, reason: str
) -> None:
    do(chat, f"/set schema {file}")
    before = chat.settings
    bad = file.with_name("bad.json")
    bad.write_bytes(content)
    text = complaint(chat, f"/set schema {bad}")
    assert text.startswith(f"schema {bad}: ")
    assert reason in text
    assert "No such file" in complaint(chat, "/set schema missing.json")
    assert "not a regular file" in complaint(chat, f"/set schema {file.parent}")
    assert chat.settings == before


def test_its_file_is_completed(chat: Chat, file: Path) -> None:
    typed = f"/set schema {file.parent}/"
    assert [each.text for each in suggest(chat, typed)] == [f"/set schema {file}"]


def test_the_flag_the_environment_and_the_settings_file_name_it(file: Path) -> None:
    config = config_file()
    config.parent.mkdir(parents=True)
    config.write_text(f"schema = {json.dumps(str(file))}")
    in_config = options_of({}).settings.schema
    by_flag = options_of({"schema": str(file)}, path=Path("none")).settings.schema
    environ = {"LLAMA2NCNN_JSON_SCHEMA": str(file)}
    by_variable = options_of({}, environ, path=Path("none")).settings.schema
    assert in_config
    assert in_config == by_flag == by_variable
    assert json.loads(in_config.text) == ANSWER
    assert options_of({"schema": "off"}).settings.schema is None


def test_a_preset_has_its_whole_path(
    chat: Chat, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    do(chat, "/set schema answer.json")
    do(chat, "/preset save strict")
    do(chat, "/set schema off")
    monkeypatch.chdir("/")
    assert f"schema {file}" in said(chat, "/preset strict")
    assert chat.settings.schema


def test_a_stored_reply_still_knows_what_it_had_to_fit(file: Path) -> None:
    chat = stored_chat()
    do(chat, f"/set schema {file}")
    do(chat, "/set max_tokens 3")
    do(chat, "hello")
    chat.close()
    again = make_chat(store=Store.open())
    again.resume(1)
    (reply,) = (row for row in again.view.rows() if row.role == "assistant")
    assert reply.json_cut
    assert again.session.ledger.path()[1].runs[0].schema == json.dumps(ANSWER)
    again.close()
