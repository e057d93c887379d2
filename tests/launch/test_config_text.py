"""The file that says all there is to set: it changes nothing, and its lines are the defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.settings_file import read_settings, toml
from llama2ncnn_chat.errors import UsageError
from llama2ncnn_chat.launch.config_text import config_text
from llama2ncnn_chat.launch.options import OPTIONS, options_of
from tests.launch.values import value_in
from tests.program import run

LASTING = [option for option in OPTIONS if option.scope != "run"]


def with_all_set() -> str:
    """The text with the # taken away before every setting."""
    return re.sub(r"^#(?=\w+ = )", "", config_text(OPTIONS), flags=re.MULTILINE)


def test_as_it_is_it_sets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(config_text(OPTIONS))
    assert options_of({}, {}, file) == options_of({}, {}, tmp_path / "none")


def test_every_line_of_it_reads_back_as_its_default(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(with_all_set())
    options = options_of({}, {}, file)
    assert {o.name: value_in(options, o.name) for o in LASTING} == {
        o.name: o.default for o in LASTING
    }
    unsaid = {o.name for o in LASTING} - options.set_by_hand
    assert unsaid == {o.name for o in LASTING if o.default is None and not o.off}


def test_every_row_is_there_with_its_help() -> None:
    text = config_text(OPTIONS)
    words = " ".join(line.lstrip("# ") for line in text.splitlines())
    for option in OPTIONS:
        lasts = option in LASTING
        assert bool(re.search(rf"^# ?{option.name}( =|:)", text, re.MULTILINE)) is lasts
        assert not lasts or (option.help in words and option.unset in words)
    assert max(map(len, text.splitlines()[1:])) <= 100


def test_a_word_for_no_value_is_read_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("max_tokens = 5\nseed = 3")
    options = options_of({"max_tokens": "off"}, {"LLAMA2NCNN_SEED": "random"}, file)
    assert (options.settings.max_tokens, options.settings.seed) == (None, None)
    assert options.given == {"max_tokens", "seed"}
    file.write_text("temperature = 'off'")
    with pytest.raises(UsageError, match="temperature: 'off' is not a number"):
        options_of({}, {}, file)


@pytest.mark.parametrize(
    "value",
    [
        *(True, False, 3, -1, 0.05, 1e-7, 1e22, "", "a", '"', "\\", "'''", "é \U0001f999", "\x7f"),
        *("\x00\x1b[31m\r\t", "a\nb", "\n", '"""\n"""', "\\\n n\\", "a \n\n  b\n", " # x"),
        *((), ("a",), ('"', "\n", "[x]\n", "\x85\u2028")),
    ],
)
def test_a_value_reads_back_from_toml(value: object, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"key = {toml(value)}\n", newline="")  # type: ignore[arg-type]
    read = read_settings(file).values["key"]
    assert (tuple(read) if isinstance(read, list) else read) == value
    assert type(read) is type(value) or isinstance(value, tuple)


def test_it_is_written_where_the_file_that_is_there_cannot_be_read(tmp_path: Path) -> None:
    config = tmp_path / "home" / "config" / "llama2ncnn" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("a =")
    done = run("--print-config")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines()[0] == f'# "{config}"'
    config.write_bytes(done.stdout)
    assert options_of({}, {}) == options_of({}, {}, tmp_path / "none")
