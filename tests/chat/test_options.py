"""The rows that a chat can change: what is typed becomes a value, and is shown as it was typed."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.chat.option import parse_typed
from llama2ncnn_chat.chat.options import SETTINGS, value_of, with_values
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import UsageError
from tests.chat.asked import complaint
from tests.chatting import make_chat
from tests.launch.values import SCHEMA


def with_typed(name: str, typed: str) -> Settings:
    return with_values(Settings(), {name: parse_typed(SETTINGS[name], typed)})


def test_settings_from_text() -> None:
    assert with_typed("top_k", "5").sampling.top_k == 5
    assert "no setting 'top_q'" in complaint(make_chat(), "/set top_q 5")
    with pytest.raises(UsageError, match="top_k 'many' is not a whole number"):
        with_typed("top_k", "many")


@pytest.mark.parametrize("off", ["off", "none", ""])
@pytest.mark.parametrize("name", ["max_tokens", "stop", "schema", "seed", "logprobs"])
def test_what_can_be_off_is_switched_off(name: str, off: str) -> None:
    assert with_typed(name, off) == Settings()
    assert value_of(Settings(), name) == ("random" if name == "seed" else "off")


@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in ("template", "threads")])
def test_a_value_is_shown_as_it_would_be_typed(name: str) -> None:
    others = {"stop": "'a b' c", "on_full": "stop", "min_p": "0.5", "top_p": "0.5"}
    typed = {**others, "schema": SCHEMA.path, "prefill_ahead": "off"}.get(name, "2")
    assert value_of(with_typed(name, typed), name) == typed


def test_texts_to_stop_at_may_have_spaces_and_lines() -> None:
    assert with_typed("stop", r"'a b\n' c").stops == ("a b\n", "c")
