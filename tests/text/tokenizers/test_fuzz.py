"""A few hundred damaged files of each kind; ``fuzzing.py`` tries as many as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.text.tokenizers.fuzzing import tried, whole_files

WHOLE = whole_files()


@pytest.mark.parametrize("kind", WHOLE)
def test_a_damaged_file_is_read_or_refused_in_a_line(kind: str, tmp_path: Path) -> None:
    read = [tried(WHOLE[kind], tmp_path / "t", seed) for seed in range(250)]
    assert 0 < sum(read) < 250
