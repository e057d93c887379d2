"""Files that a message names by ``@path``: which ones are meant, what goes in, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.commands.table import interpret
from llama2ncnn_chat.chat.completion import can_complete, suggest
from llama2ncnn_chat.chat.line import Message, parse
from llama2ncnn_chat.chat.mentions import MAX_QUICK, with_files
from llama2ncnn_chat.chat.outcomes import Ask, Attach, Draft, Generate
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ChatError, UsageError
from llama2ncnn_chat.generation.completer import never
from tests.chatting import answering, carry_out, do, echo, make_chat, transcript


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with some files."""
    place = tmp_path / "here"
    (place / "src").mkdir(parents=True)
    for name in ("notes.txt", "a b.txt", "src/x.py", "src/y.py", "README", "[z].md"):
        (place / name).write_text(f"in {name}\n")
    monkeypatch.chdir(place)
    return place


def whole(text: str) -> str:
    return with_files(Message(text))


@pytest.mark.parametrize(
    ("typed", "files", "said"),
    [
        ("@notes.txt", ["notes.txt"], "notes.txt"),
        ("what does @notes.txt say?", ["notes.txt"], "what does notes.txt say?"),
        ("see @notes.txt, @README.", ["notes.txt", "README"], "see notes.txt, README."),
        ('in @"a b.txt"?', ["a b.txt"], "in a b.txt?"),
        ("@src/*.py differ", ["src/x.py", "src/y.py"], "src/*.py differ"),
        ("@**/*.py", ["src/x.py", "src/y.py"], "**/*.py"),
        ("@[z].md\n@README", ["[z].md", "README"], "[z].md\nREADME"),
        ("@README and @README", ["README"], "README and README"),
        ("(see @src/x.py)", ["src/x.py"], "(see src/x.py)"),
    ],
)
def test_the_files_stand_before_what_was_typed_each_under_its_name(
    typed: str, files: list[str], said: str
) -> None:
    assert whole(typed) == "\n\n".join([*(f"{name}:\nin {name}" for name in files), said])


@pytest.mark.parametrize(
    "typed",
    [
        "me@notes.txt",
        "@nobody, hello",
        "@property\n@src",
        "@",
        "@ notes.txt",
        "@...",
        '@"notes.txt',
        '@""',
        "/@notes.txt",
        "@*.none",
        f"@{'x' * 300}",
        "@a\0b",
        "@~nobody-of-that-name/x",
    ],
)
def test_what_names_no_file_stays_what_it_is(typed: str) -> None:
    assert whole(typed) == typed


@given(st.text(alphabet='@ "a.\n~/é[!]', max_size=30))
def test_without_such_files_any_text_stays_what_it_is(text: str) -> None:
    assert whole(text) == text


def test_what_was_pasted_or_read_names_nothing(chat: Chat) -> None:
    pasted = "see @README\nand @notes.txt"
    message = Message(f"look: {pasted}\n@src/x.py", (pasted + "\n",))
    assert with_files(message) == f"src/x.py:\nin src/x.py\n\nlook: {pasted}\nsrc/x.py"


def test_a_message_has_the_text_of_its_files_and_the_draft_what_was_typed(chat: Chat) -> None:
    (generate,) = interpret(chat, parse("why @README?"))
    assert isinstance(generate, Generate)
    assert generate.draft == "why @README?"
    carry_out([generate])
    assert transcript(chat)[0] == "README:\nin README\n\nwhy README?"


def test_an_edited_message_has_its_files_already(chat: Chat, folder: Path) -> None:
    (folder / "README").write_text("@notes.txt is meant")
    do(chat, "why @README?")
    first = chat.view.rows()[0]
    do(chat, f"{first.text} And @src/x.py", edits=first.id)
    assert transcript(chat)[0] == f"src/x.py:\nin src/x.py\n\n{first.text} And src/x.py"


def test_an_edited_replys_words_name_no_file(chat: Chat) -> None:
    do(chat, "hello")
    do(chat, "You said @README", edits=chat.view.rows()[1].id)
    assert transcript(chat)[1].strip().startswith("You said @README")


@pytest.mark.parametrize("content", [b"\xff\xfa", b"a\0b", b" \n"])
def test_what_can_not_be_read_is_refused_and_the_draft_comes_back(
    chat: Chat, folder: Path, content: bytes
) -> None:
    (folder / "bad").write_bytes(content)
    (generate,) = interpret(chat, parse("why @bad?"))
    assert isinstance(generate, Generate)
    assert generate.draft == "why @bad?"
    with pytest.raises(UsageError, match="bad: is "):
        generate.start(cancelled=never)
    assert transcript(chat) == []
    assert chat.view.count(Message("why @bad?")) is None


def test_so_many_files_are_too_many(folder: Path) -> None:
    for i in range(101):
        (folder / f"{i}.md").write_text("x")
    with pytest.raises(UsageError, match="102 files are too many"):
        whole("@*.md")


def test_one_that_does_not_fit_is_refused_with_numbers(folder: Path) -> None:
    chat = make_chat(answering(echo, context_length=200))
    (folder / "long").write_text("x" * 300)
    with pytest.raises(ChatError, match="has room for"):
        do(chat, "why @long?")
    assert transcript(chat) == []


def test_a_question_about_the_oldest_turns_gives_back_what_was_typed(folder: Path) -> None:
    chat = make_chat(answering(echo, context_length=200), settings=Settings(on_full="ask"))
    do(chat, "a" * 60)
    (folder / "long").write_text("x" * 100)
    (asked,) = interpret(chat, parse("why @long?"))
    assert isinstance(asked, Ask)
    assert [*asked.no] == [Draft("why @long?", None)]


def test_a_draft_is_counted_with_its_files(chat: Chat, folder: Path) -> None:
    typed = Message("why @README?")
    assert chat.view.count(typed) == chat.view.count(Message(with_files(typed)))
    (folder / "long").write_text("x" * (MAX_QUICK + 1))
    assert chat.view.count(Message("why @long?")) is None  # a key isn't to wait for it
    assert chat.view.count(Message("@**/*.py")) is None


def test_files_are_suggested_at_the_beginning_of_a_word(chat: Chat) -> None:
    def found(typed: str) -> list[str]:
        assert can_complete(typed) or not suggest(chat, typed)
        return [each.text for each in suggest(chat, typed)]

    assert found("why @no") == ["why @notes.txt "]
    assert found("why @read") == ["why @README "]
    assert found("@s") == ["@src/"]
    assert found("one\n@src/") == ["one\n@src/x.py ", "one\n@src/y.py "]
    assert found("@a") == ['@"a b.txt" ']
    assert found('@"no') == ['@"notes.txt" ']
    assert found("me@no") == found("@no x") == found("@none") == found("why") == []
    assert "//@no" not in found("//@no")


def test_read_still_attaches(chat: Chat) -> None:
    (attached,) = do(chat, "/read README")
    assert isinstance(attached, Attach)
    assert attached.text == "in README"
