"""Any JSON schema of the kinds that a reply is held to, as hypothesis draws them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=4)
LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "null"},
            {"type": "string", "maxLength": 5},
            {"type": "string", "pattern": "^[a-z]{2,4}$"},
            {"type": "string", "format": "date"},
            {"type": ["integer", "null"], "minimum": -20, "maximum": 3000},
            {"$ref": "#/$defs/word"},
        ]
    ),
    st.lists(st.one_of(NAMES, st.integers(-99, 99), st.booleans()), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    ),
    st.integers(-50, 50).map(lambda low: {"type": "integer", "minimum": low, "maximum": low + 60}),
)


def objects(part: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, part, max_size=3).flatmap(
        lambda properties: st.sets(st.sampled_from(sorted(properties) or [""])).map(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": sorted(required & properties.keys()),
                "additionalProperties": False,
            }
        )
    )


def lists(part: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return part.map(lambda items: {"type": "array", "items": items, "minItems": 1, "maxItems": 3})


def any_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"anyOf": parts}


SCHEMAS = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        objects(part), lists(part), st.lists(part, min_size=1, max_size=2).map(any_of)
    ),
    max_leaves=5,
)
