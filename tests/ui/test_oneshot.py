"""One message from the command line: streams, JSON, exit codes, and the session it leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from convert.pipeline import convert
from convert.streams import printable
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.paths import data_dir
from llama2ncnn_chat.storage.store import Store
from tests.program import ROOT, write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config(vocab_size=300, seq_len=128)


def answer(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert main([*args, "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def stored(session: int = 1) -> list[Turn]:
    store = Store.open()
    path = store.resume(session).ledger.path()
    store.close()
    return path


def test_stdout_is_the_reply_alone(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([stem, "hello", "-n", "12", "--seed", "1"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    reply = stored()[1]
    assert out == f"{reply.text}\n"
    assert len(reply.ids) == 12


def test_json_tells_the_rest(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = answer(capsys, stem, "-p", "hello", "-n", "12", "--seed", "7")
    assert set(result) == {"text", "finish_reason", "seed", "model", "session", "timings"}
    assert (result["finish_reason"], result["seed"], result["session"]) == ("length", 7, 1)
    assert result["model"] == "m.ncnn"
    assert result["timings"]["predicted_n"] == 12
    assert result["text"] == stored()[1].text


def test_a_seed_gives_the_same_reply(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [
        answer(capsys, stem, "-p", "hi", "-n", "30", "--temp", "2", "--min-p", "0", "--seed", seed)
        for seed in ("1", "1", "2")
    ]
    assert texts[0]["text"] == texts[1]["text"] != texts[2]["text"]


def test_a_session_goes_on_with_its_model_settings_and_cache(
    stem: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(capsys, stem, "-p", "hello", "-n", "5", "--system", "Be brief.", "--temp", "0.5")
    result = answer(capsys, "-c", "-p", "and now?", "-n", "5")
    assert result["session"] == 1
    assert result["model"] == "m.ncnn"
    assert result["timings"]["cache_n"] > 20
    path = stored()
    assert [turn.role for turn in path] == ["user", "assistant"] * 2
    assert path[3].runs[0].sampling.temperature == 0.5
    assert answer(capsys, "--resume", "1", "-p", "more", "-n", "5")["session"] == 1
    assert answer(capsys, stem, "-p", "new", "-n", "5")["session"] == 2


def test_a_session_goes_on_with_the_tokenizer_that_was_named(
    stem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = tmp_path / "apart.bin"
    Path(stem).with_name("tokenizer.bin").rename(apart)
    monkeypatch.chdir(tmp_path)
    answer(capsys, stem, "-p", "hello", "-n", "5", "--tokenizer", "apart.bin")
    monkeypatch.chdir("/")
    assert answer(capsys, "-c", "-p", "and now?", "-n", "5")["session"] == 1


@pytest.mark.parametrize("how", [["-c"], ["--resume", "1"]])
def test_a_session_goes_on_when_all_that_its_model_came_from_is_gone(
    how: list[str], raw: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(raw.parent)
    flags = ["--temp", "0", "-n", "5"]
    named = ["m.bin", "--tokenizer", "tokenizer.bin"]
    answer(capsys, *named, "-p", "hello", *flags)
    answer(capsys, *named, "-p", "hello", *flags)
    there = answer(capsys, "--resume", "2", "-p", "and now?", *flags)
    store = Store.open()
    store.delete(2)
    store.close()
    monkeypatch.chdir("/")
    shutil.rmtree(raw.parent)
    assert main([*how, "-p", "and now?", *flags, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        f"llama2ncnn-chat: {raw} is gone: its conversion in the cache is used"
    ]
    gone = json.loads(out)
    assert (gone["session"], gone["text"], gone["model"]) == (1, there["text"], "m.bin")
    assert gone["timings"]["cache_n"] == there["timings"]["cache_n"] > 0
    main(["models", "rm", "m.bin", "--yes"])
    capsys.readouterr()
    assert main([*how, "-p", "and now?"]) == 3
    assert f"{raw}: no such model, nor a conversion of it in the cache" in capsys.readouterr().err


def test_a_model_that_is_named_after_it_is_gone_is_found_again_from_anywhere(
    raw: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(capsys, str(raw), "-p", "hello", "-n", "3")
    raw.unlink()
    monkeypatch.chdir(raw.parent)
    answer(capsys, "m.bin", "-p", "hello", "-n", "3")
    monkeypatch.chdir("/")
    assert answer(capsys, "-c", "-p", "and now?", "-n", "3")["session"] == 2


def test_the_same_session_opens_in_the_repl(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = answer(capsys, stem, "-p", "hello", "-n", "5", "--seed", "1")["text"]
    command = [sys.executable, "-m", "llama2ncnn_chat", "-c", "--plain", "-n", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, input=b"again\n/list\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"> hello\n{printable(text)}\n".encode())
    assert b"2 turns" in done.stdout
    assert len(stored()) == 4


def test_one_answer_stays_out_of_the_list_until_it_goes_on(
    stem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(capsys, stem, "-p", "hello", "-n", "3")
    with closing(Store.open()) as store:
        assert store.list() == []
    answer(capsys, "-c", "-p", "and now?", "-n", "3")
    with closing(Store.open()) as store:
        assert [info.id for info in store.list()] == [1]


def test_in_the_repl_a_session_goes_on_without_the_file_of_its_model(
    raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(capsys, str(raw), "-p", "hello", "-n", "5")
    raw.unlink()
    command = [sys.executable, "-m", "llama2ncnn_chat", "-c", "--plain", "-n", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, input=b"again\n")
    assert done.returncode == 0, done.stderr
    said = f"{raw} is gone: its conversion in the cache is used"
    assert (done.stdout + done.stderr).decode().count(said) == 1
    assert len(stored()) == 4


def test_ndjson_is_an_event_a_line(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([stem, "-p", "hello", "-n", "6", "--ndjson"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "prefill"
    assert kinds[-1] == "finish"
    assert "".join(e["text"] for e in events if e["event"] == "text") == stored()[1].text
    assert [i for e in events if e["event"] == "text" for i in e["ids"]] == stored()[1].ids
    assert events[-1]["session"] == 1


def test_old_turns_go_and_it_is_said(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, stem, "-p", "a" * 60, "-n", "5")
    assert main(["-c", "-p", "b" * 60, "-n", "5", "--on-full", "stop"]) == 4
    assert "a context of 128" in capsys.readouterr().err
    assert len(stored()) == 2
    assert main(["-c", "-p", "b" * 60, "-n", "5", "--ndjson"]) == 0
    out, err = capsys.readouterr()
    shifts = [json.loads(line) for line in out.splitlines() if '"shift"' in line]
    assert shifts[0]["turns"] == 2
    assert "no longer sees the oldest turn" in err


def test_an_error_says_what_to_do_next(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, stem, "-p", "a" * 60, "-n", "5")
    assert main(["-c", "-p", "b" * 60, "--on-full", "stop", "--json"]) == 4
    out, err = capsys.readouterr()
    assert "/undo, /new, or /set on_full shift" in json.loads(out)["error"]["hint"]
    assert "/undo, /new, or /set on_full shift" in err


def test_a_message_that_fits_no_context_is_refused_before_the_weights_are_loaded(
    stem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = Path(f"{stem}.bin")
    weights.write_bytes(bytes(weights.stat().st_size))
    assert main([stem, "-p", "x", "--check"]) == 3
    capsys.readouterr()
    assert main([stem, "-p", "x" * 500, "--check", "--json"]) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == 4
    assert "128" in err
    store = Store.open()
    assert store.list() == []
    store.close()


def test_no_save_leaves_nothing(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, stem, "-p", "hello", "-n", "5", "--no-save")["session"] is None
    assert not data_dir().exists()


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["-p", ""], 2, "the prompt is empty"),
        (["-p", "a", "-c", "--no-save"], 2, "leave out --no-save"),
        (["-p", "a", "--resume"], 2, "--resume ID"),
        (["-p", "a", "--resume", "9"], 1, "no session '9'"),
        (["-p", "a", "--system-file", "missing"], 2, "missing: can't open"),
        (["-p", "a", "--temp", "300"], 2, "out of range"),
        (["-p", "a", "-n", "x"], 2, "'x' is not a whole number"),
        (["-p", "a", "--frobnicate"], 2, "--help shows the usage"),
    ],
)
def test_errors_are_one_line_and_a_code(
    stem: str, args: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([stem, *args]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.count("\n") == 1


def test_nothing_to_go_on_with_is_said_and_begun(
    stem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([stem, "-c", "-p", "hello", "-n", "3"]) == 0
    assert "no session to go on with" in capsys.readouterr().err
    assert len(stored()) == 2


def test_a_pipe_is_the_prompt_and_no_input_is_none(stem: str) -> None:
    command = [sys.executable, "-m", "llama2ncnn_chat", stem, "-n", "4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, input=b"from a pipe\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert stored()[0].text.strip() == "from a pipe"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (0, b"")
    assert len(stored()) == 2


def test_a_closed_pipe_is_no_traceback_and_what_was_said_is_kept(stem: str) -> None:
    command = f"{sys.executable} -m llama2ncnn_chat {stem} -p hello -n 100 | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL
    )
    assert done.stderr == b""
    reply = stored()[1]
    assert reply.finish in ("cancelled", "length")
    assert reply.ids


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupted_reply_is_kept(tmp_path: Path) -> None:
    config = tiny_config(vocab_size=300, seq_len=60000, n_layers=8, dim=128, hidden_dim=512)
    write_tokenizer(tmp_path / "tokenizer.bin")
    convert(write_v0(tmp_path / "m.bin", config, random_weights(config, 3)), tmp_path / "m.ncnn")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "llama2ncnn_chat", str(tmp_path / "m.ncnn")),
            *("-p", "a", "--ndjson", "--temp", "0"),  # so that it never comes to its own end
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout
    for line in process.stdout:
        if b'"text"' in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["finish_reason"] == "cancelled"
    reply = stored()[1]
    assert reply.finish == "cancelled"
    assert reply.ids


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_checkpoint_whose_name_is_no_text_goes_on(
    raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = os.fsdecode(os.fsencode(raw.parent) + b"/n\xff %.bin")
    tokenizer = os.fsdecode(os.fsencode(raw.parent) + b"/t\xfe.bin")
    raw.rename(odd)
    raw.with_name("tokenizer.bin").rename(tokenizer)
    answer(capsys, odd, "--tokenizer", tokenizer, "-p", "hello", "-n", "3")
    again = answer(capsys, "-c", "-p", "and now?", "-n", "3")
    assert (again["session"], again["model"]) == (1, "n%FF%20%25.bin")
    assert again["timings"]["cache_n"] > 0
