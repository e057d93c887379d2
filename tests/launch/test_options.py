"""The table of options: every row is reachable from all places that its scope says."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from llama2ncnn_chat.arguments import PARSERS, parse
from llama2ncnn_chat.chat.option import Option
from llama2ncnn_chat.chat.options import SETTINGS, SYSTEM
from llama2ncnn_chat.errors import UsageError
from llama2ncnn_chat.launch.options import (
    BENCH_OPTIONS,
    OPTIONS,
    BenchOptions,
    Options,
    bench_options_of,
    options_of,
)
from llama2ncnn_chat.text.templates.marked import template_of
from tests.chat.asked import complaint
from tests.chatting import do, make_chat
from tests.launch.values import SCHEMA, value_in

COMMAND_LINE: dict[str, tuple[tuple[str, ...], Any]] = {
    "model": (("m.bin",), "m.bin"),
    "words": (("m.bin", "hello"), "hello"),
    "print_config": (("--print-config",), True),
    "raw": (("--raw",), True),
    "system": (("--system", "Hi."), "Hi."),
    "system_file": (("--system-file", "f"), Path("f")),
    "latest": (("-c",), True),
    "resume": (("--resume", "4"), "4"),
    "begin": (("--begin", "Sure"), "Sure"),
    "pick": (("--pick",), True),
    "preset": (("--preset", "brief"), "brief"),
    "temperature": (("--temp", "0.3"), 0.3),
    "top_k": (("--top-k", "7"), 7),
    "top_p": (("--top-p", "0.5"), 0.5),
    "min_p": (("--min-p", "0.2"), 0.2),
    "repeat_penalty": (("--repeat-penalty", "1.1"), 1.1),
    "presence_penalty": (("--presence-penalty", "0.5"), 0.5),
    "frequency_penalty": (("--frequency-penalty", "0.25"), 0.25),
    "penalty_window": (("--repeat-last-n", "32"), 32),
    "max_tokens": (("-n", "12"), 12),
    "stop": (("--stop", "a b"), ("a b",)),
    "schema": (("--json-schema", SCHEMA.path), SCHEMA),
    "seed": (("--seed", "5"), 5),
    "logprobs": (("--logprobs", "5"), 5),
    "on_full": (("--on-full", "ask"), "ask"),
    "template": (("--template", "chatml"), template_of("chatml")),
    "threads": (("-t", "3"), 3),
    "prefill_ahead": (("--prefill-ahead", "off"), False),
    "save": (("--no-save",), False),
    "kv_cache": (("--no-kv-cache",), False),
    "plain": (("--plain",), True),
    "screen_reader": (("--screen-reader",), True),
    "color": (("--color", "never"), "never"),
    "vi": (("--vi",), True),
    "history": (("--no-history",), False),
    "title": (("--no-title",), False),
    "notify": (("--notify", "off"), None),
    "prompt": (("-p", "hello"), "hello"),
    "stdin": (("--no-stdin",), False),
    "file": (("-f", "f"), Path("f")),
    "json": (("--json",), True),
    "ndjson": (("--ndjson",), True),
    "stats": (("--stats",), True),
    "ctx_size": (("--ctx-size", "64"), 64),
    "check": (("--check",), True),
    "engine": (("--engine", "localhost:8080"), "localhost:8080"),
    "engine_model": (("--model", "small"), "small"),
    "engine_key_env": (("--api-key-env", "KEY"), "KEY"),
    "engine_key_file": (("--api-key-file", "f"), Path("f")),
    "insecure": (("--insecure",), True),
    "tokenizer": (("--tokenizer", "t.bin"), Path("t.bin")),
    "weights": (("--weights", "q8"), "q8"),
    "block": (("--block", "32"), 32),
    "rope_theta": (("--rope-theta", "5e5"), 5e5),
    "norm_eps": (("--norm-eps", "1e-6"), 1e-6),
    "rope_order": (("--rope-order", "halves"), "halves"),
    "keep_model": (("--keep-model", "s"), Path("s")),
}
"""How each option is typed after ``llama2ncnn-chat``, and what becomes of it."""

OTHER_FLAGS: list[tuple[tuple[str, ...], str, Any]] = [
    (("--continue",), "latest", True),
    (("--resume",), "resume", ""),
    (("--tui",), "plain", False),
    (("--max-tokens", "12"), "max_tokens", 12),
    (("--threads", "3"), "threads", 3),
    (("--prompt", "hello"), "prompt", "hello"),
    (("--file", "f"), "file", Path("f")),
    (("--stop", "a", "--stop", "off"), "stop", ("a", "off")),
]

LASTING = [option for option in OPTIONS if option.scope != "run"]


def typed(option: Option) -> str:
    """The value as a variable of the environment has it."""
    value = COMMAND_LINE[option.name][0][-1]
    return str(COMMAND_LINE[option.name][1]) if value.startswith("-") else value


def named(option: Option) -> str:
    return option.name


def test_the_values_have_a_field_for_every_row() -> None:
    settings = {field.name for field in fields(Options)}
    settings -= {"notes", "settings", "given", "set_by_hand"}
    assert settings == {o.name for o in OPTIONS} - {SYSTEM.name, *SETTINGS} | {"threads"}
    assert {field.name for field in fields(BenchOptions)} == {o.name for o in BENCH_OPTIONS}
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)


def test_every_row_has_its_flag(tmp_path: Path) -> None:
    assert COMMAND_LINE.keys() == {option.name for option in OPTIONS}
    file = tmp_path / "config.toml"
    file.write_text("[preset.brief]")
    for name, (argv, value) in COMMAND_LINE.items():
        options = options_of(parse("chat", argv), {}, file)
        assert value_in(options, name) == value, name
        assert name in options.given
    for argv, name, value in OTHER_FLAGS:
        assert value_in(options_of(parse("chat", argv), {}, tmp_path / "none"), name) == value


@pytest.mark.parametrize("option", LASTING, ids=named)
def test_what_lasts_is_read_from_the_environment_and_the_file(
    option: Option, tmp_path: Path
) -> None:
    value, file = COMMAND_LINE[option.name][1], tmp_path / "config.toml"
    for name in (option.name, *option.also):
        environ = {f"LLAMA2NCNN_{name.upper()}": typed(option)}
        options = options_of({}, environ, file.with_name("none"))
        assert value_in(options, option.name) == value
        assert options.given == {option.name}
        file.write_text(f"{name.replace('_', '-')} = '{typed(option)}'")
        options = options_of({}, {}, file)
        assert value_in(options, option.name) == value
        assert options.given == frozenset()


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.scope == "run"], ids=named)
def test_what_is_for_one_run_is_read_from_nowhere_else(option: Option, tmp_path: Path) -> None:
    environ = {f"LLAMA2NCNN_{option.name.upper()}": typed(option)}
    options = options_of({}, environ, tmp_path / "none")
    assert value_in(options, option.name) == option.default
    (tmp_path / "config.toml").write_text(f"{option.name} = '{typed(option)}'")
    with pytest.raises(UsageError, match=f"no setting '{option.name}'"):
        options_of({}, {}, tmp_path / "config.toml")


@pytest.mark.parametrize("option", OPTIONS, ids=named)
def test_a_chat_sets_what_its_scope_says(option: Option) -> None:
    chat = make_chat()
    for name in (option.name, *option.also):
        value = f'"{typed(option)}"' if option.many else typed(option)
        if option.scope == "chat":
            do(chat, f"/set {name} {value}")
        else:
            assert f"no setting '{name}'" in complaint(chat, f"/set {name} {value}")
    if option.scope == "chat":
        now = chat.settings.system if option is SYSTEM else chat.setting(option.name)
        assert now.strip("'") == typed(option)


@pytest.mark.parametrize("option", LASTING, ids=named)
def test_a_name_that_is_not_known_gets_the_nearest(option: Option, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f"{option.name}x = 1")
    with pytest.raises(UsageError, match=rf"did you mean {option.name}\?"):
        options_of({}, {}, tmp_path / "config.toml")
    if option.scope == "chat":
        says = complaint(make_chat(), f"/set {option.name}x 1")
        assert f"did you mean {option.name}?" in says


def test_help_says_what_every_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "500")  # so that no line is wrapped
    for parser, options in (("chat", OPTIONS), ("bench", BENCH_OPTIONS)):
        text = PARSERS[parser]().format_help()
        assert all(option.help in text for option in options)


def test_help_begins_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = PARSERS["chat"]().format_help()
    usage, _about, examples = text.split("\n\n")[:3]
    assert usage == "usage: llama2ncnn-chat [options] [MODEL] [PROMPT]"
    assert max(map(len, text.splitlines())) <= 80
    heading, *lines = examples.splitlines()
    assert (heading, len(lines)) == ("examples:", 6)
    for line in lines:
        command, about = re.split(" {2,}", line.strip())
        program, *words = shlex.split(command)
        assert program == "llama2ncnn-chat"
        parse("chat", words)  # what it shows can be typed
        assert about


def test_complete_takes_how_many_tokens_as_its_third_word() -> None:
    assert parse("complete", ["m.bin", "hello", "12"])["max_tokens"] == "12"
    assert parse("complete", ["m.bin", "hello", "-n", "12"])["max_tokens"] == "12"
    assert "max_tokens" not in parse("complete", ["m.bin", "hello"])


def test_bench_reads_flags_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA2NCNN_THREADS", "2")
    monkeypatch.setenv("LLAMA2NCNN_MODEL", "other.bin")
    options = bench_options_of(parse("bench", []))
    assert (options.model, options.threads) == (None, None)
    assert (options.n_prompt, options.n_decode, options.depths, options.repeats) == (
        256,
        128,
        (0,),
        3,
    )
    argv = ["m.bin", *("-p", "1"), *("-n", "2"), *("-d", "0,3"), *("-r", "4"), *("-t", "5")]
    options = bench_options_of(parse("bench", argv))
    assert (options.model, options.n_prompt, options.n_decode) == ("m.bin", 1, 2)
    assert (options.depths, options.repeats, options.threads) == ((0, 3), 4, 5)
    with pytest.raises(UsageError, match="'x' is not a whole number"):
        bench_options_of(parse("bench", ["-d", "1,x"]))
