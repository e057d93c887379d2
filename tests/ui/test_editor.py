"""The person's own editor, as it is named in the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.ui.editor import edit_text


def test_a_name_of_spaces_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", " ")
    monkeypatch.setenv("EDITOR", "sed -i s/a/b/")
    assert edit_text("a thought\ud800") == "b thought?"


@pytest.mark.skipif(os.name == "nt", reason="a script of the shell")
def test_where_none_is_named_it_is_vi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (vi := tmp_path / "vi").write_text("#!/bin/sh\necho more >> $1\n")
    vi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for editor in (" ", ""):
        monkeypatch.setenv("EDITOR", editor)
        assert edit_text("a thought\n") == "a thought\nmore"


def test_no_place_for_the_text_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ChatError, match="can't write for an editor"):
        edit_text("a thought")
