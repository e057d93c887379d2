"""Lists of matrices as text: there, back, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import ConvertError
from convert.format_names import FORMAT_NAMES
from convert.formats import codec_of
from convert.formats.mixture import format_matrices, parse_matrices

MATRICES = st.frozensets(st.tuples(st.sampled_from(["wv", "w2", "classifier"]), st.integers(0, 40)))


@given(MATRICES)
def test_there_and_back(matrices: frozenset[tuple[str, int]]) -> None:
    assert parse_matrices(format_matrices(matrices)) == matrices


def test_runs_are_short() -> None:
    matrices = {("w2", 7), ("w2", 0), ("w2", 1), ("w2", 2), ("classifier", 0)}
    assert format_matrices(matrices) == "classifier:0;w2:0-2,7"


@pytest.mark.parametrize(
    "text",
    ["w2", "w2:", "w2:a", "w2:1,0", "w2:0,1", "w2:1-0", "w2:-1", "w2:0-99999999", ";", "w2:0;"],
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_matrices(text)


@pytest.mark.parametrize("name", [name for name in FORMAT_NAMES if name != "q4"])
def test_other_formats_have_no_mixture(name: str) -> None:
    with pytest.raises(ConvertError, match="kept alike"):
        codec_of(name, eight_bits=frozenset({("w2", 0)}))
