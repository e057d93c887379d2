"""Flag, then environment, then config.toml, then default; errors that say where."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from llama2ncnn_chat.errors import UsageError
from llama2ncnn_chat.flags import chat_parser
from llama2ncnn_chat.launch.config import OPTIONS, fill_in


def filled(
    *flags: str, environ: dict[str, str] | None = None, config: str = "", path: Path
) -> tuple[argparse.Namespace, frozenset[str]]:
    file = path / "config.toml"
    file.write_text(config)
    args = chat_parser().parse_args(flags)
    return args, fill_in(args, environ or {}, file)


def test_the_order(tmp_path: Path) -> None:
    config = "temp = 0.1\ntop_k = 1\nmin_p = 0.3\nsystem = 'Hi.'"
    environ = {"LLAMA2NCNN_TEMP": "0.2", "LLAMA2NCNN_TOP_K": "2"}
    args, given = filled("--temp", "0.3", environ=environ, config=config, path=tmp_path)
    assert (args.temperature, args.top_k, args.min_p, args.top_p) == (0.3, 2, 0.3, 0.95)
    assert args.system == "Hi."
    assert given == {"temperature", "top_k"}


def test_every_option_has_its_default(tmp_path: Path) -> None:
    args, given = filled(path=tmp_path)
    assert given == frozenset()
    assert {name: getattr(args, name) for name in OPTIONS} == {
        name: default for name, (_, default) in OPTIONS.items()
    }


def test_switches_can_be_turned_off_everywhere(tmp_path: Path) -> None:
    args, _ = filled("--no-save", config="history = false\nvi = true", path=tmp_path)
    assert (args.save, args.history, args.kv_cache, args.vi) == (False, False, True, True)
    args, _ = filled(environ={"LLAMA2NCNN_SAVE": "off"}, path=tmp_path)
    assert args.save is False


@pytest.mark.parametrize(
    ("names", "dest"),
    [
        (("--temp", "--temperature"), "temperature"),
        (("-n", "--max-tokens", "--n-predict"), "max_tokens"),
    ],
)
def test_hidden_names_work(names: tuple[str, ...], dest: str) -> None:
    for name in names:
        assert getattr(chat_parser().parse_args([name, "3"]), dest) == 3
    for name in ("--system", "--system-prompt", "-sys"):
        assert chat_parser().parse_args([name, "x"]).system == "x"
    text = chat_parser().format_help()
    assert "--temp " in text
    assert "--temperature" not in text
    assert "--n-predict" not in text


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("temprature = 1", "no setting 'temprature'; did you mean temperature?"),
        ("temperature = 'hot'", "temperature: 'hot' is no number"),
        ("temperature = 200", "temperature: temperature 200 is out of range; 0 to 100"),
        ("top_k = 1.5", "top_k: 1.5 is no whole number"),
        ("max_tokens = true", "max_tokens: True is no whole number"),
        ("on_full = 'no'", "'no' is none of shift"),
        ("vi = 'maybe'", "vi: 'maybe' is neither true nor false"),
        ("stop = [1]", "stop: 1 is no text"),
        ("[sampling]\ntop_k = 1", "no setting 'sampling'"),
        ("a =", "config.toml"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_says_where(
    config: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as e:
        filled(config=config, path=tmp_path)
    assert says in str(e.value)
    assert str(tmp_path / "config.toml") in str(e.value)
    assert "\n" not in str(e.value)


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="LLAMA2NCNN_TEMP: 'hot' is no number"):
        filled(environ={"LLAMA2NCNN_TEMP": "hot"}, path=tmp_path)


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"config\.toml"):
        fill_in(chat_parser().parse_args([]), {}, tmp_path / "config.toml")
