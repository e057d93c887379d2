"""A preset goes into ``config.toml``, and all else in it stays as a person has written it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.chat.settings_file import read_settings, save_preset
from llama2ncnn_chat.errors import ChatError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WRITTEN = '''\
# mine, all of it
top_k = 5   # few

system = """
[preset.brief]
not a table
"""
stop = [
  "a", # of course
  "[preset.brief]",
]

# for short answers
[preset.brief]
# cold
temperature = 0.2  # not 0
system = "Be brief."
top_k = 3  # three
# the end of brief

  [ preset . "a b" ]  # quoted
min_p = 0.1
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_one_that_is_new_stands_at_the_end(file: Path) -> None:
    file.write_text(WRITTEN)
    save_preset(file, "new", {"temperature": 0.5, "stop": ("x",), "system": "a\n\nb"})
    assert file.read_text() == WRITTEN + (
        '\n[preset.new]\ntemperature = 0.5\nstop = ["x"]\nsystem = """\na\n\nb"""\n'
    )


def test_one_that_is_there_is_changed_where_it_differs(file: Path) -> None:
    file.write_text(WRITTEN)
    save_preset(file, "brief", {"temperature": 0.2, "system": "Be very brief.", "seed": 3})
    lines = WRITTEN.replace('"Be brief."', '"Be very brief."')
    assert file.read_text() == lines.replace("top_k = 3  # three\n", "seed = 3\n")
    save_preset(file, "a b", {"min_p": 0.2})
    assert file.read_text().endswith('  [ preset . "a b" ]  # quoted\nmin_p = 0.2\n')


def test_it_begins_a_file_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    save_preset(file, "it's é", {"vi": True})
    assert file.read_text() == '[preset."it\'s é"]\nvi = true\n'
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_one(tmp_path: Path, file: Path) -> None:
    mine = tmp_path / "dotfiles" / "mine.toml"
    mine.parent.mkdir()
    mine.write_text("top_k = 5")
    file.symlink_to(mine)
    save_preset(file, "new", {"top_k": 6})
    assert file.is_symlink()
    assert mine.read_text() == "top_k = 5\n\n[preset.new]\ntop_k = 6\n"
    assert [path.name for path in mine.parent.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize(
    "text",
    [
        "preset = { new = { top_k = 1 } }",
        "[preset]\nnew = { top_k = 1 }",
        "preset.new.top_k = 1",
        "[preset.new]\ntop_k = 1\n[preset.new.more]\nx = 1",
    ],
)
def test_one_in_another_form_is_left_alone(text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match="preset new into it; change it by hand"):
        save_preset(file, "new", {"top_k": 2})
    assert file.read_text() == text


@pytest.mark.parametrize("text", ["a =", "preset = 3", "[preset]\nx = 1", "a = '\xe9"])
def test_a_file_with_a_mistake_is_left_alone(text: str, file: Path) -> None:
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"config\.toml: "):
        save_preset(file, "new", {"top_k": 2})
    assert file.read_bytes() == text.encode("latin-1")


def test_a_text_that_no_file_can_have_is_refused(file: Path) -> None:
    file.write_text("top_k = 5")
    with pytest.raises(UsageError, match="by hand"):
        save_preset(file, "new", {"system": "\udc80"})
    assert file.read_text() == "top_k = 5"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ChatError, match=r"config\.toml: can't"):
        save_preset(tmp_path / "file" / "config.toml", "new", {})


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]))
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.lists(TEXTS, max_size=3),
)
TABLES = st.dictionaries(st.from_regex(r"[a-z_]{1,4}", fullmatch=True), VALUES, max_size=4)


@given(first=TABLES, second=TABLES, other=TABLES)
def test_what_is_saved_reads_back_and_nothing_else_changes(
    first: dict[str, Any],
    second: dict[str, Any],
    other: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("law") / "config.toml"
    file.write_text(WRITTEN)
    before = tomllib.loads(WRITTEN)
    for name, values in (("x", first), ("other", other), ("x", second), ("brief", second)):
        save_preset(file, name, values)
        before["preset"][name] = values
        assert tomllib.loads(file.read_text()) == before
    assert read_settings(file).presets == before["preset"]
