"""Where the value of an option stands in what a start makes of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llama2ncnn_chat.generation.settings import Schema
from llama2ncnn_chat.launch.options import Options

SCHEMA = Schema(str(Path(__file__).with_name("object.json")), '{"type": "object"}\n')

FIELDS = {"stop": "stops"}


def value_in(options: Options, name: str) -> Any:
    """The value of the option of that name, wherever it is kept."""
    field = FIELDS.get(name, name)
    places = (options.settings.sampling, options.settings, options)
    return next(getattr(place, field) for place in places if hasattr(place, field))
