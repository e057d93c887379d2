"""``llama2ncnn-chat models``: what there is, what one is, and conversions removed.

Prints lists and asks before anything goes; what may go is the catalogue's to say.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from convert.format_names import FORMAT_NAMES
from convert.hub.cache import CLEANER
from convert.inspect import format_report, human_bytes
from convert.inspect_chat import format_chat_report
from convert.streams import is_terminal, json_of, note, put, say

from ..catalogue.good_models import GoodModel
from ..catalogue.listing import ListedModel, human_count, inventory
from ..catalogue.removing import Removable, find_conversions, find_stale, remove
from ..errors import UsageError
from ..launch.models_options import ModelsOptions
from ..launch.show_model import show_model
from ..reading import read_line

SHOWN = ("q4", "q8", "fp16")
"""The formats whose memory a person is told; --json tells all."""


def models(options: ModelsOptions) -> int:
    """Do what was asked; returns the exit code. Raises ``ChatError``."""
    if options.action == "list":
        return _list(as_json=options.json)
    if options.action == "show" and options.name:
        return _show(options.name, as_json=options.json)
    found = [find_conversions(options.name)] if options.name else find_stale()
    if found and not options.yes and not _agreed(found):
        found = []
    for each in found:
        remove(each)
    size = sum(each.size for each in found)
    if options.json:
        removed = [{"name": x.name, "why": x.why, "size": x.size} for x in found]
        _write_json({"removed": removed, "size": size})
    else:
        for each in found:
            put(f"removed {_line(each)}\n")
        put(f"{human_bytes(size)} freed\n" if found else "nothing removed\n")
    return 0


def _show(name: str, *, as_json: bool) -> int:
    shown = show_model(name)
    if as_json:
        said: dict[str, object] = {"template": shown.template, "sample": shown.sample}
        said |= {"note": shown.note, "end_names": shown.ends}
        _write_json(shown.report.to_json() | {"chat": shown.chat.to_json() | said})
        return 0
    parts = [format_report(shown.report), format_chat_report(shown.chat)]
    if shown.sample:
        parts.append(f"Two turns under {shown.template}:\n\n{shown.sample}\n")
        parts.append(f"A reply ends at {' or '.join(shown.ends)}.\n")
    if shown.note:
        parts.append(f"({shown.note})\n")
    put("\n".join(parts))
    return 0


def _agreed(found: Sequence[Removable]) -> bool:
    if not is_terminal(sys.stdin):
        raise UsageError("nobody is there to ask", "--yes removes without asking")
    for each in found:
        say(_line(each))
    note(f"Remove {human_bytes(sum(each.size for each in found))}? [y/N] ")
    return read_line(sys.stdin).strip().lower() in ("y", "yes")


def _line(removable: Removable) -> str:
    return f"{removable.name}: {human_bytes(removable.size)}, {removable.why}"


def _list(*, as_json: bool) -> int:
    found = inventory()
    places = {
        "converted": ("Converted, in the cache (models rm NAME removes one)", found.converted),
        "here": ("In this folder", found.here),
        "hub": (f"In the Hub's cache (`{CLEANER}` removes them)", found.hub),
        "bundled": ("Bundled", found.bundled),
    }
    if as_json:
        body: dict[str, object] = {
            place: [_plain(model) for model in listed] for place, (_, listed) in places.items()
        }
        _write_json(body | {"to_fetch": [_plain_good(model) for model in found.to_fetch]})
        return 0
    for title, listed in places.values():
        _section(title, [_row(model) for model in listed])
    _section(
        "To begin with (llama2ncnn-chat NAME fetches one and opens it; sizes in memory)",
        [_good_row(model) for model in found.to_fetch],
    )
    return 0


def _row(model: ListedModel) -> list[str]:
    return [model.name, model.format, human_bytes(model.size), _short(model.where)]


def _good_row(model: GoodModel) -> list[str]:
    sizes = [f"{weights} {human_bytes(model.memory(weights))}" for weights in SHOWN]
    return [model.model, human_count(model.parameters), model.licence, *sizes, model.good_for]


def _section(title: str, rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    put(f"{title}\n")
    for row in rows:
        cells = (set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True))
        put("  " + "  ".join(cells).rstrip() + "\n")
    put("\n")


def _short(where: str) -> str:
    """Write a place as a shell would show it."""
    home = Path.home()
    path = Path(where)
    return str(Path("~", path.relative_to(home))) if path.is_relative_to(home) else where


def _plain(model: ListedModel) -> dict[str, object]:
    values = asdict(model)
    return {key: values[key] for key in ("model", "name", "format", "size", "where")}


def _plain_good(model: GoodModel) -> dict[str, object]:
    return {
        "model": model.model,
        "parameters": model.parameters,
        "licence": model.licence,
        "good_for": model.good_for,
        "memory": {weights: model.memory(weights) for weights in FORMAT_NAMES},
    }


def _write_json(body: dict[str, object]) -> None:
    put(json_of(body) + "\n")
