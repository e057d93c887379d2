"""An error that nobody foresaw: one line, a log without a word of a person's, the draft kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llama2ncnn_chat.paths import crash_log, history_file
from llama2ncnn_chat.ui.history import History
from tests.ui.broken import SECRET

ROOT = Path(__file__).resolve().parents[2]
BROKEN = str(ROOT / "tests" / "ui" / "broken.py")
CHAT = "llama2ncnn_chat.__main__"


def run(entry: str, target: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run the program, or the converter, with a function that fails."""
    return subprocess.run(
        [sys.executable, BROKEN, entry, target, *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def check_log(where: str) -> None:
    """It tells where it was, only to its owner, and has nothing of what was said."""
    log = crash_log().read_text()
    assert where in log
    assert "KeyError" in log
    assert "which came of ValueError" in log
    assert SECRET not in log
    assert crash_log().stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("entry", "target", "flags"),
    [
        (CHAT, "llama2ncnn_chat.chat.chat:Chat.send", ["STEM", "-p", "hi"]),
        (CHAT, "llama2ncnn_chat.chat.chat:Chat.close", ["STEM", "-p", "hi", "-n", "1"]),
        (CHAT, "llama2ncnn_chat.ui.repl.face:run", ["STEM", "--plain"]),
        (CHAT, "llama2ncnn_chat.ui.oneshot:prepare", ["complete", "STEM", "hi"]),
        (CHAT, "llama2ncnn_chat.ui.bench:find", ["bench", "STEM"]),
        (CHAT, "llama2ncnn_chat.ui.models:inventory", ["models"]),
        (CHAT, "llama2ncnn_chat.arguments:parse", []),
        ("convert.__main__", "convert.__main__:convert", ["RAW", "/none/out"]),
        ("convert.__main__", "convert.__main__:parse", []),
    ],
)
def test_any_command_ends_with_a_line_and_70(
    stem: str, raw: Path, entry: str, target: str, flags: list[str]
) -> None:
    places = {"STEM": stem, "RAW": str(raw)}
    done = run(entry, target, *(places.get(flag, flag) for flag in flags))
    assert done.returncode == 70
    (line,) = done.stderr.splitlines()[-1:]
    assert "Traceback" not in done.stderr
    assert ": error: an error in the program: KeyError in " in line
    assert f"; to report it, send {crash_log()} (" in line
    assert SECRET not in done.stderr
    check_log(target.partition(":")[0].rpartition(".")[0].split(".")[0])


def test_json_is_asked_for_and_given(stem: str) -> None:
    done = run(CHAT, "llama2ncnn_chat.chat.chat:Chat.send", stem, "-p", "hi", "--json")
    assert json.loads(done.stdout)["error"]["code"] == done.returncode == 70


def test_a_log_that_cannot_be_written_is_said(stem: str) -> None:
    crash_log().parent.parent.mkdir(parents=True)
    crash_log().parent.write_text("in the way")
    done = run(CHAT, "llama2ncnn_chat.chat.chat:Chat.send", stem, "-p", "hi")
    assert done.returncode == 70
    assert "no log of it" in done.stderr


def test_what_no_boundary_sees_is_in_the_log_alone(stem: str) -> None:
    program = """if True:
        import asyncio, sys, threading
        from llama2ncnn_chat.ui import oneshot
        from tests.ui.broken import SECRET, fail
        class ThrownAway:
            def __del__(self):
                fail()
        def answer(*_):
            ThrownAway()
            threading.Thread(target=fail).start()
            asyncio.run(leave_a_task())
            return 5
        async def failing():
            fail()
        async def leave_a_task():
            asyncio.ensure_future(failing())
            await asyncio.sleep(0)
        oneshot.answer = answer
        from llama2ncnn_chat.__main__ import run
        run()
    """
    command = [sys.executable, "-c", program, stem, "-p", "hi"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout, done.stderr) == (5, b"", b"")
    check_log("tests.ui.broken")
    assert crash_log().read_text().count("\nKeyError\n") == 3


def test_a_draft_is_kept_once_and_offered_once() -> None:
    history = History(history_file())
    history.keep_draft("one\ntwo")
    history.keep_draft("three")
    history.keep_draft(" ")
    again = History(history_file())
    assert again.take_draft() == "one\ntwo\n\nthree"
    assert again.take_draft() == ""
    assert History(history_file()).entries == ["one\ntwo\n\nthree"]
    unkept = History(None)
    unkept.keep_draft("private")
    assert unkept.take_draft() == ""


def test_a_second_signal_costs_no_draft() -> None:
    def unsent() -> str:
        signal.raise_signal(signal.SIGINT)
        return "half"

    history = History(history_file())
    with pytest.raises(KeyboardInterrupt), history.keeping_draft(unsent):
        raise KeyboardInterrupt
    assert history.take_draft() == "half"
