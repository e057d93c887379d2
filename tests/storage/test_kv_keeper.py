"""The key of a KV snapshot: which model it is of, and what its template says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llama2ncnn_chat.storage.kv_keeper import snapshot_key
from llama2ncnn_chat.text.templates.marked import MarkedTemplate, template_of
from llama2ncnn_chat.text.templates.stored import template_from

MINE = MarkedTemplate("mine", "<s>{system} {user}", "<s>{user}", "</s>")


@pytest.mark.parametrize("name", ["llama2", "zephyr", "chatml", "plain"])
def test_the_key_of_a_built_in_template_is_that_of_older_snapshots(name: str) -> None:
    assert snapshot_key("f00d", template_of(name)) == f"f00d/{name}"
    assert snapshot_key("f00d", template_from(template_of(name).to_dict())) == f"f00d/{name}"


def test_templates_are_told_apart_by_what_they_say() -> None:
    said = [
        MINE,
        replace(MINE, turn="<s> {user}"),
        replace(MINE, controls=("<s>",)),
        replace(MINE, stops=("<s>",)),
        replace(MINE, name="llama2"),
        template_of("llama2"),
    ]
    assert len({snapshot_key("f00d", template) for template in said}) == len(said)
    assert snapshot_key("f00d", MINE) == snapshot_key("f00d", template_from(MINE.to_dict()))
    assert snapshot_key("f00d", MINE) != snapshot_key("beef", MINE)
