"""Streams that are closed, full, or a terminal: what is said to nobody changes nothing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.storage.store import Store
from tests.convert.said import read_all

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
LOST = ["2>&-", "2>/dev/full"]


def run(
    *flags: str, streams: str, typed: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    command = f'"$0" -m llama2ncnn_chat "$@" {streams}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable, *flags],
        cwd=ROOT,
        capture_output=True,
        input=typed or b"",
    )


def stored() -> list[Turn]:
    """The turns of the newest session."""
    store = Store.open()
    try:
        latest = store.latest()
        return store.peek(latest.id) if latest else []
    finally:
        store.close()


@pytest.mark.parametrize("streams", LOST)
def test_a_message_is_answered_and_kept_whether_or_not_a_note_is_shown(
    stem: str, streams: str
) -> None:
    # With -c and no session there is a note, and with --stats more.
    done = run(stem, "-c", "-p", "hello", "-n", "5", "--stats", streams=streams)
    assert (done.returncode, len(stored())) == (0, 2)
    assert done.stdout.decode() == f"{stored()[1].text}\n"


@pytest.mark.parametrize("streams", LOST)
@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["none.bin", "-p", "hi"], 3),
        (["STEM", "-p", "hi", "--temp", "-1"], 2),
        (["STEM", "-p", "x" * 500], 4),
        (["models", "rm", "none", "--yes"], 2),
        (["models"], 0),
    ],
)
def test_exit_codes_are_the_same(stem: str, streams: str, flags: list[str], code: int) -> None:
    flags = [stem if flag == "STEM" else flag for flag in flags]
    assert run(*flags, streams="").returncode == code
    assert run(*flags, streams=streams).returncode == code


@pytest.mark.parametrize("streams", LOST)
def test_a_complaint_to_nobody_ends_no_chat(stem: str, streams: str) -> None:
    typed = b"/nonsense\nhello\n/load 99\nagain\n"
    done = run(stem, "--plain", "-n", "3", streams=streams, typed=typed)
    assert done.returncode == 1  # for the complaints, as with standard error
    assert [turn.text for turn in stored()[::2]] == ["hello", "again"]


@pytest.mark.parametrize("streams", [">&-", ">/dev/full"])
@pytest.mark.parametrize(
    "flags", [["--help"], ["--version"], ["models"], ["STEM", "-p", "hi", "-n", "3"], ["--plain"]]
)
def test_an_answer_to_nobody_is_one_line(stem: str, streams: str, flags: list[str]) -> None:
    flags = [stem if flag == "STEM" else flag for flag in flags]
    done = run(*flags, streams=streams, typed=b"hello\n/help\n" if flags == ["--plain"] else None)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(b"llama2ncnn-chat: error: standard output: can't write")


def test_all_streams_closed_is_no_crash(stem: str) -> None:
    done = run(stem, "-p", "hi", "-n", "3", "--no-stdin", streams="<&- >&- 2>&-")
    assert done.returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="what a limit does is a system's own")
@pytest.mark.parametrize("limit", ["-n 5", "-n 7", "-n 8", "-v 200000"])
def test_what_the_system_does_not_give_is_one_line(raw: Path, stem: str, limit: str) -> None:
    chat = "-p hi -n 1 --no-stdin"
    commands = [
        f'llama2ncnn_chat "$1" {chat}',
        'convert --quiet "$1" "$1.ncnn"',
        f'llama2ncnn_chat "$2" {chat}',
    ]
    codes = []
    for command in commands:
        limited = f'ulimit {limit}; exec "$0" -m {command}'
        done = subprocess.run(
            ["sh", "-c", limited, sys.executable, str(raw)], cwd=ROOT, capture_output=True
        )
        codes.append(done.returncode)
        assert len(done.stderr.splitlines()) == (1 if done.returncode else 0), done.stderr
        assert b"Errno" not in done.stderr
    assert set(codes) <= {0, 1, 3}
    assert any(codes)


@pytest.mark.parametrize("flags", [[], ["--json"], ["--ndjson"]])
def test_a_terminal_gets_nothing_that_commands_it_from_a_message(
    stem: str, flags: list[str]
) -> None:
    """A wild model says any bytes; its exact text is in the session, and in JSON."""
    master, slave = pty.openpty()
    wild = ["--temp", "5", "--min-p", "0", "--seed", "2", "-n", "90"]
    command = [sys.executable, "-m", "llama2ncnn_chat", stem, "-p", "a", *wild, *flags]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "dumb"},
    )
    os.close(slave)
    shown = read_all(master).decode().replace("\r\n", "\n")
    assert process.wait(60) == 0
    text = stored()[1].text
    assert any(ord(c) < 32 and c != "\n" for c in text)  # else this shows nothing
    assert all(c in "\t\n" or not 0 <= ord(c) < 32 for c in shown)
    assert not any(0x7F <= ord(c) < 0xA0 for c in shown)
    if flags == ["--json"]:
        assert json.loads(shown)["text"] == text
