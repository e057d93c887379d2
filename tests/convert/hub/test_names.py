"""Names of models on the Hub, as a person writes them."""

from __future__ import annotations

import pytest

from convert.errors import ConvertError
from convert.hub.names import HubName, parse_name
from tests.convert.hub.tiny_repo import NAME


def test_names_are_read_and_written() -> None:
    for text, name in {
        "hf:owner/tiny": NAME,
        "hf:owner/tiny@v1": HubName("owner/tiny", "", "v1"),
        "hf:owner/tiny@refs/pr/1": HubName("owner/tiny", "", "refs/pr/1"),
        "hf:o.w-n_er/T-1.1b/sub/m.Q4_K_M.gguf": HubName("o.w-n_er/T-1.1b", "sub/m.Q4_K_M.gguf"),
        "hf:owner/tiny/m.gguf@v1": HubName("owner/tiny", "m.gguf", "v1"),
    }.items():
        assert parse_name(text) == name
        assert str(name) == text
    assert HubName("owner/tiny", "sub/m.gguf").short == "m.gguf"
    assert NAME.short == "tiny"


@pytest.mark.parametrize(
    "text",
    [
        "hf:",
        "hf:gpt2",
        "hf:a/b/c",
        "hf:a/b@",
        "hf://a/b",
        "hf:a/b/../../x.gguf",
        "hf:a/b\n",
        "hf:/b",
    ],
)
def test_what_is_no_name_says_how_one_looks(text: str) -> None:
    with pytest.raises(ConvertError, match="hf:OWNER/NAME"):
        parse_name(text)
