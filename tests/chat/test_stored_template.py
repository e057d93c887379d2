"""A session goes on with the template it was begun with, whatever is built in by then."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import UsageError
from llama2ncnn_chat.text.templates.marked import MarkedTemplate, template_of
from tests.chat.asked import complaint, said
from tests.chatting import LONG, TOKENIZER, do, stored_chat, transcript
from tests.inside import engine_of

MINE = MarkedTemplate(
    "mine",
    with_system="<s>{system} # [INST] {user} [/INST]",
    turn="<s># [INST] {user} [/INST]",
    after_reply="#</s>",
    stops=("never said",),
)
LIKE_LLAMA2 = replace(MINE, name="llama2")
"""Goes by the name of one that is built in, as after that one has changed."""


def begin(template: MarkedTemplate, message: str = LONG) -> None:
    """Store session 1: a message and its reply."""
    chat = stored_chat(settings=Settings(template=template))
    do(chat, message)
    chat.close()


def resumed(**kw: str) -> Chat:
    """Open session 1 in a program whose own template is llama2."""
    chat = stored_chat(**kw)
    chat.resume(1)
    return chat


@pytest.mark.parametrize("template", [MINE, LIKE_LLAMA2], ids=["not built in", "not as built in"])
def test_it_survives_a_restart(template: MarkedTemplate) -> None:
    begin(template)
    for n in (1, 2):  # what was read is written again
        chat = resumed()
        assert chat.settings.template == chat.session.renderer.template == template
        do(chat, "again")
        path = chat.session.ledger.path()
        assert transcript(chat)[-2:] == ["again", "You said again."]
        assert path[0].ids == template.first(TOKENIZER, LONG, "")
        assert path[2 * n].ids == template.next(TOKENIZER, "again")
        assert path[1].runs[0].stops == ("never said",)
        chat.close()


def test_a_copy_has_it_too() -> None:
    begin(MINE)
    chat = resumed()
    do(chat, "/fork")
    chat.close()
    chat = stored_chat()
    chat.resume(2)
    assert chat.settings.template == MINE
    chat.close()


def test_its_kv_cache_fits_and_its_tokens_are_not_taken_for_anothers() -> None:
    begin(MINE)
    chat = resumed()
    assert chat.pop_notes() == []
    assert engine_of(chat).position > len(LONG)
    chat.close()
    chat = resumed(fingerprint="f2")
    assert not any("other tokens" in note for note in chat.pop_notes())
    chat.close()


def test_its_name_is_shown_and_exported_and_it_stays(tmp_path: Path) -> None:
    begin(MINE)
    chat = resumed()
    assert "template   mine\n" in said(chat, "/show")
    assert said(chat, "/set template").startswith("template mine  (")
    assert "/new" in complaint(chat, "/set template llama2")
    file = tmp_path / "chat.json"
    do(chat, f"/export {file}")
    assert json.loads(file.read_text())["template"] == "mine"
    chat.close()


def test_another_session_has_its_own() -> None:
    begin(MINE)
    chat = stored_chat()
    do(chat, "hello")
    chat.resume(1)
    assert chat.settings.template == MINE
    chat.resume(2)
    assert chat.settings.template == template_of("llama2")
    chat.close()


def test_one_that_cannot_be_read_is_refused_and_all_is_as_it_was() -> None:
    begin(MINE)
    chat = stored_chat()
    do(chat, "hello")
    with chat.stored()._db.transaction() as db:
        db.execute("""UPDATE session SET template_contents = '{"x": 1}' WHERE id = 1""")
    with pytest.raises(UsageError, match="'mine' says what this version can't read"):
        chat.resume(1)
    assert chat.session_id == 2
    do(chat, "again")
    assert len(transcript(chat)) == 4
    chat.close()
