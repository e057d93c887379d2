"""Flag, then environment, then config.toml, then default; errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from llama2ncnn_chat.arguments import chat_parser, parse
from llama2ncnn_chat.errors import UsageError
from llama2ncnn_chat.launch.options import OPTIONS, Options, options_of
from tests.launch.values import value_in


def filled(
    *flags: str, environ: dict[str, str] | None = None, config: str = "", path: Path
) -> Options:
    file = path / "config.toml"
    file.write_text(config)
    return options_of(parse("chat", flags), environ or {}, file)


def test_the_order(tmp_path: Path) -> None:
    config = "temp = 0.1\ntop_k = 1\nmin_p = 0.3\nsystem = 'Hi.'"
    environ = {"LLAMA2NCNN_TEMP": "0.2", "LLAMA2NCNN_TOP_K": "2"}
    options = filled("--temp", "0.3", environ=environ, config=config, path=tmp_path)
    sampling = options.settings.sampling
    assert (sampling.temperature, sampling.top_k, sampling.min_p) == (0.3, 2, 0.3)
    assert sampling.top_p == 0.95
    assert options.settings.system == "Hi."
    assert options.given == {"temperature", "top_k"}


def test_every_option_has_its_default(tmp_path: Path) -> None:
    options = filled(path=tmp_path)
    assert options.given == frozenset()
    assert {option.name: value_in(options, option.name) for option in OPTIONS} == {
        option.name: option.default for option in OPTIONS
    }


def test_switches_can_be_turned_off_everywhere(tmp_path: Path) -> None:
    options = filled("--no-save", config="history = false\nvi = true", path=tmp_path)
    assert (options.save, options.history, options.kv_cache, options.vi) == (
        False,
        False,
        True,
        True,
    )
    assert filled(environ={"LLAMA2NCNN_SAVE": "off"}, path=tmp_path).save is False


@pytest.mark.parametrize(
    ("names", "dest"),
    [
        (("--temp", "--temperature"), "temperature"),
        (("-n", "--max-tokens", "--n-predict"), "max_tokens"),
    ],
)
def test_hidden_names_work(names: tuple[str, ...], dest: str, tmp_path: Path) -> None:
    for name in names:
        assert value_in(filled(name, "3", path=tmp_path), dest) == 3
    for name in ("--system", "--system-prompt", "-sys"):
        assert filled(name, "x", path=tmp_path).settings.system == "x"
    text = chat_parser().format_help()
    assert "--temp " in text
    assert "--temperature" not in text
    assert "--n-predict" not in text


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("temprature = 1", "no setting 'temprature'; did you mean temperature?"),
        ("temperature = 'hot'", "temperature: 'hot' is not a number"),
        ("temperature = 200", "temperature: 200 is out of range; 0 to 100"),
        ("top_k = 1.5", "top_k: 1.5 is not a whole number"),
        ("max_tokens = true", "max_tokens: True is not a whole number"),
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
    with pytest.raises(UsageError, match="LLAMA2NCNN_TEMP: 'hot' is not a number"):
        filled(environ={"LLAMA2NCNN_TEMP": "hot"}, path=tmp_path)


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"config\.toml"):
        options_of({}, {}, tmp_path / "config.toml")


def test_a_variable_that_many_programs_heed(tmp_path: Path) -> None:
    assert filled(environ={"ACCESSIBLE": "1"}, path=tmp_path).screen_reader is True
    assert filled(environ={"ACCESSIBLE": ""}, path=tmp_path).screen_reader is False
    ours = {"ACCESSIBLE": "1", "LLAMA2NCNN_SCREEN_READER": "0"}  # which says more of this program
    assert filled(environ=ours, path=tmp_path).screen_reader is False
    assert filled(environ={"ACCESSIBLE": "often"}, path=tmp_path).screen_reader is True
    assert filled(environ={"ACCESSIBLE": "0"}, path=tmp_path).screen_reader is False


def test_the_whole_screen_goes_before_the_environment(tmp_path: Path) -> None:
    environ, config = {"ACCESSIBLE": "1"}, "screen_reader = true"
    assert filled("--tui", environ=environ, path=tmp_path).screen_reader is False
    assert filled("--tui", config=config, path=tmp_path).screen_reader is False
    assert filled("--tui", "--screen-reader", path=tmp_path).screen_reader is True
    assert filled("--plain", environ=environ, path=tmp_path).screen_reader is True
