"""The key of a KV snapshot: which model it is of, and what its template says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llama2ncnn_chat.storage.kv_keeper import snapshot_key
from llama2ncnn_chat.text.templates.marked import MarkedTemplate, template_of
from llama2ncnn_chat.text.templates.stored import template_from

MINE = MarkedTemplate("mine", "<s>{system} {user}", "<s>{user}", "</s>")


@pytest.mark.parametrize("name", ["llama2", "zephyr", "chatml", "plain"])
def test_the_key_of_a_built_in_template_has_its_name(name: str) -> None:
    assert snapshot_key("f00d", "avx", template_of(name)) == f"f00d/avx/{name}"
    assert (
        snapshot_key("f00d", "avx", template_from(template_of(name).to_dict()))
        == f"f00d/avx/{name}"
    )


def test_templates_are_told_apart_by_what_they_say() -> None:
    said = [
        MINE,
        replace(MINE, turn="<s> {user}"),
        replace(MINE, controls=("<s>",)),
        replace(MINE, stops=("<s>",)),
        replace(MINE, name="llama2"),
        template_of("llama2"),
    ]
    assert len({snapshot_key("f00d", "avx", template) for template in said}) == len(said)
    assert snapshot_key("f00d", "avx", MINE) == snapshot_key(
        "f00d", "avx", template_from(MINE.to_dict())
    )
    assert snapshot_key("f00d", "avx", MINE) != snapshot_key("beef", "avx", MINE)


def test_a_snapshot_is_of_one_kind_of_cpu() -> None:
    """Resumed on another, a conversation would not be what it says, token for token."""
    assert snapshot_key("f00d", "avx", MINE) != snapshot_key("f00d", "neon", MINE)
