"""What is written can't command a terminal, and notes that can't be written change nothing."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from convert import streams
from convert.progress import console
from convert.streams import OutputError, Styled, joined, json_of, note, printable, put, say, styled
from tests.convert.said import read_all

ROOT = Path(__file__).parents[2]
EVIL = "a\x1b[2J\x1b]0;t\x07b\x9b1m\x85\r\u202ec\u2066\x7f\udcff"
TAMED = "a[2J]0;tb1mc\ufffd"


class Tty(io.StringIO):
    """A terminal that keeps what it is sent."""

    def isatty(self) -> bool:
        return True


class Full(io.StringIO):
    """A stream that takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def both_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Tty:
    """Both streams, on one terminal."""
    tty = Tty()
    monkeypatch.setattr(sys, "stdout", tty)
    monkeypatch.setattr(sys, "stderr", tty)
    return tty


def test_a_terminal_gets_printable_text_by_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = both_on_a_terminal(monkeypatch)
    for write in (put, note, lambda text: put(text, exact=True)):
        write(EVIL)
    say(f"{EVIL}\nx")
    assert terminal.getvalue() == f"{TAMED * 3}a[2J]0;tb1mc\ufffd x\n"


def test_a_program_gets_the_exact_text(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    put(EVIL, exact=True)
    assert out.getvalue() == EVIL


def test_our_own_sequences_alone_are_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = both_on_a_terminal(monkeypatch)
    put(joined([styled("\x1b[1m", EVIL), EVIL]))
    assert terminal.getvalue() == f"\x1b[1m{TAMED}\x1b[0m{TAMED}"
    # What is put together by hand is text again: at worst it is seen, and commands nothing.
    assert printable(styled("\x1b[1m", "a") + "b") == "[1ma[0mb"
    assert printable(Styled("\x1b[1m")) == "\x1b[1m"


def test_json_is_exact_and_can_be_shown() -> None:
    text = json_of({EVIL: [EVIL, "é日\u2028"]})
    assert json.loads(text) == {EVIL: [EVIL, "é日\u2028"]}
    assert text == printable(text)
    assert "é日" in text


def test_a_note_that_cannot_be_written_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, Full(), closed):
        monkeypatch.setattr(sys, "stderr", stream)
        say("a note")


@pytest.mark.parametrize("stream", [None, Full()])
def test_an_output_that_cannot_be_written_is_an_error(
    stream: Full | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(OutputError):
        put("text")


def test_a_bar_draws_names_as_they_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", tty := Tty())
    console().print(f"[bold]x[/bold]{EVIL}", markup=False, highlight=False, end="")
    assert tty.getvalue() == f"[bold]x[/bold]{printable(EVIL)}"


@pytest.mark.skipif(os.name == "nt", reason="descriptors of POSIX")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_no_file_comes_to_where_a_stream_was_closed(closed: tuple[int, ...]) -> None:
    program = "import os, sys; from convert.streams import prepare; prepare(); "
    program += "os.close(os.open(os.devnull, os.O_RDONLY)); fd = os.open(sys.argv[1], os.O_RDWR); "
    program += "sys.exit(100 + fd)"
    shell = " ".join(f"{n}>&-" for n in closed)
    command = f'"$0" -c "$1" "$2" {shell}'
    done = subprocess.run(["sh", "-c", command, sys.executable, program, __file__], cwd=ROOT)
    assert done.returncode >= 103


def test_what_an_encoding_lacks_is_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    streams.prepare()
    put("é\udcff", exact=True)
    assert raw.getvalue() == b"??"


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_a_name_that_commands_the_terminal_is_shown_by_the_converter(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    name = str(tmp_path / f"no\nsuch{printable(EVIL)}\x1b[2J\x9b2J.bin")
    command = [sys.executable, "-m", "convert", "--quiet", name, str(tmp_path / "out")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=slave, stderr=slave)
    os.close(slave)
    said = read_all(master).decode()
    assert process.wait(60) == 3
    assert "\x1b" not in said
    assert "\x9b" not in said
    assert said.count("\n") == 1
