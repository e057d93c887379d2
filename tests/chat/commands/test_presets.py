"""``/preset``: settings by a name, taken over as ``/set`` does, saved, and of a Modelfile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.completion import suggest
from llama2ncnn_chat.chat.outcomes import Ask
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.paths import config_file
from llama2ncnn_chat.text.templates.marked import MarkedTemplate, template_of
from tests.chat.asked import complaint, said
from tests.chatting import do, make_chat, stored_chat, talk_and_close

PRESETS = """
[preset.brief]
system = "Be brief."
temp = 0.2
stop = ["###", "a b"]

[preset.wild]
temperature = 2
model = "other.gguf"
ctx_size = 99
"""


@pytest.fixture(autouse=True)
def config() -> Path:
    file = config_file()
    file.parent.mkdir(parents=True)
    file.write_text(PRESETS)
    return file


def test_it_sets_all_that_it_has_and_nothing_else(chat: Chat) -> None:
    do(chat, "/set top_k 7")
    before = chat.settings
    says = said(chat, "/preset brief")
    assert says == "preset brief: system Be brief., temperature 0.2, stop '###' 'a b'"
    sampling = replace(before.sampling, temperature=0.2)
    assert chat.settings == replace(
        before, system="Be brief.", stops=("###", "a b"), sampling=sampling
    )
    do(chat, "hello")
    assert chat.session.ledger.head
    assert chat.session.ledger.head.runs[0].sampling == sampling


def test_a_seed_begins_to_count_anew(chat: Chat, config: Path) -> None:
    config.write_text("[preset.x]\nseed = 5")
    seeds = []
    for _ in range(2):
        do(chat, "/preset x")
        for _ in range(2):
            do(chat, "hello")
            assert chat.session.ledger.head
            seeds.append(chat.session.ledger.head.runs[0].seed)
    assert seeds == [5, 6, 5, 6]


def test_in_a_conversation_the_system_prompt_changes_too(talked: Chat) -> None:
    do(talked, "/preset brief")
    ids = talked.session.ledger.path()[0].ids
    assert b"Be brief." in bytes(i - 3 for i in ids if i > 2)


def test_what_no_setting_can_be_is_said(chat: Chat) -> None:
    says = said(chat, "/preset wild")
    assert chat.settings.sampling.temperature == 2
    assert says.splitlines()[1:] == [
        "it is for the model other.gguf: /model other.gguf goes on with that",
        "it is for a context of 99 tokens: llama2ncnn-chat --preset wild opens that",
    ]


def test_without_a_name_they_are_listed(chat: Chat, config: Path) -> None:
    lines = said(chat, "/preset").splitlines()
    assert [line.split()[0] for line in lines] == ["brief", "wild"]
    assert "temperature 2" in lines[1]
    config.unlink()
    assert "no preset yet" in said(chat, "/preset")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/preset brif", "no preset 'brif'; did you mean brief?"),
        ("/preset xyz", "no preset 'xyz'; there are brief, wild"),
        ("/preset ./none", "none: "),
        ("/preset save", "which name?"),
        ("/preset save save", "can't be the name"),
        ("/preset save a/b", "can't be the name"),
        ("/preset save ~", "can't be the name"),
        ("/preset save a\x1bb", "can't be the name"),
    ],
)
def test_a_name_that_cannot_be_is_refused(line: str, says: str, chat: Chat, config: Path) -> None:
    before = chat.settings
    assert says in complaint(chat, line)
    assert chat.settings == before
    assert config.read_text() == PRESETS


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("top_k = 3\ntemperature = 'hot'", "preset x: temperature: 'hot' is not a number"),
        ("top_k = 3\ntemprature = 1", "preset x: no setting 'temprature'; did you mean temper"),
        ("top_k = 3\nvi = true", "preset x: no setting 'vi'"),
        ("top_k = 3\nsystem = '" + "x" * 3000 + "'", "3,0"),
        ("top_k = 3\ntemplate = 'plain'", "a conversation keeps its template; /new"),
    ],
)
def test_one_that_cannot_be_taken_changes_nothing(
    table: str, says: str, talked: Chat, config: Path
) -> None:
    config.write_text(f"[preset.x]\n{table}")
    before, ids = talked.settings, talked.session.ledger.path()[0].ids
    assert says in complaint(talked, "/preset x")
    assert talked.settings == before
    assert talked.session.ledger.path()[0].ids == ids


def test_before_a_conversation_it_may_have_another_template(chat: Chat, config: Path) -> None:
    config.write_text("[preset.x]\ntemplate = 'chatml'\nsystem = 'Hi.'")
    do(chat, "/preset x")
    do(chat, "hello")
    assert b"<|im_start|>" in bytes(i - 3 for i in chat.session.ledger.path()[0].ids if i > 2)
    assert b"Hi." in bytes(i - 3 for i in chat.session.ledger.path()[0].ids if i > 2)


LINES = (
    "/set temperature 0.3",
    "/set top_k 7",
    "/set penalty_window 9",
    "/set max_tokens 12",
    "/set stop 'a b\\n' '[x]'",
    "/set seed 5",
    "/set on_full stop",
    '/system You say "hi"\\ and\n\n# [no] more.',
)


@pytest.mark.parametrize("lines", [LINES, ()])
def test_one_that_was_saved_gives_the_same_settings(lines: tuple[str, ...], config: Path) -> None:
    chat, other = make_chat(), make_chat()
    for line in lines:
        do(chat, line)
    assert f"saved in {config}; --preset mine" in said(chat, "/preset save mine")
    for line in (*LINES, "/set temperature 3", "/set min_p 0.5", "/system Other."):
        do(other, line)
    assert other.settings != chat.settings
    do(other, "/preset mine")
    assert other.settings == chat.settings
    options = options_of({"preset": "mine"})
    assert options.settings == chat.settings
    assert options.model == chat.model.name
    assert PRESETS in config.read_text()


def test_a_template_of_the_models_own_is_not_saved(config: Path) -> None:
    plain = template_of("plain")
    assert isinstance(plain, MarkedTemplate)
    template = replace(plain, begin="<own>")
    chat = make_chat(settings=replace(make_chat().settings, template=template))
    do(chat, "/preset save mine")
    assert "template" not in config.read_text()


def test_one_that_is_there_is_written_over_when_that_is_said(chat: Chat, config: Path) -> None:
    do(chat, "/set top_k 7")
    assert isinstance(do(chat, "/preset save brief", yes=False)[0], Ask)
    assert config.read_text() == PRESETS
    do(chat, "/preset save brief")
    assert "top_k = 7" in config.read_text()
    assert config.read_text().endswith(PRESETS.partition("\n\n")[2])


def test_a_modelfile_is_taken_over_and_what_is_not_is_named(chat: Chat, tmp_path: Path) -> None:
    file = tmp_path / "Modelfile"
    file.write_text("FROM llama3\nPARAMETER num_ctx 99\nPARAMETER top_k 7\nTEMPLATE x\nSYSTEM Hi.")
    lines = said(chat, f"/preset {file}").splitlines()
    assert lines == [
        f"preset {file}: top_k 7, system Hi.",
        f"{file}: not taken over: FROM llama3, which is no file here; TEMPLATE",
        f"it is for a context of 99 tokens: llama2ncnn-chat --preset {file} opens that",
    ]
    assert chat.settings.sampling == Sampling(top_k=7)
    assert chat.settings.system == "Hi."


def test_a_session_keeps_what_a_preset_has_set() -> None:
    talk_and_close("hello")
    chat = stored_chat()
    do(chat, "/resume 1")
    do(chat, "/preset brief")
    chat.close()
    chat = stored_chat()
    do(chat, "/resume 1")
    assert (chat.settings.system, chat.settings.sampling.temperature) == ("Be brief.", 0.2)
    chat.close()


def test_names_are_completed(
    chat: Chat, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def texts(typed: str) -> list[str]:
        return [each.text for each in suggest(chat, typed)]

    assert texts("/pres") == ["/preset "]
    assert {"/preset brief", "/preset wild", "/preset save "} <= set(texts("/preset "))
    assert texts("/preset b") == ["/preset brief"]
    assert texts("/preset save w") == ["/preset save wild"]
    (tmp_path / "Modelfile").touch()
    assert texts(f"/preset {tmp_path}/Mod") == [f"/preset {tmp_path}/Modelfile"]
    config.write_text("a =")
    assert texts("/preset b") == []
