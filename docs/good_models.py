"""Writes the table in docs/models.md of models to begin with: ``python -m docs.good_models``."""

from __future__ import annotations

from pathlib import Path

from convert.inspect import human_bytes
from llama2ncnn_chat.catalogue.good_models import GOOD_MODELS
from llama2ncnn_chat.catalogue.listing import human_count

PAGE = Path(__file__).with_name("models.md")
BEGIN, END = "<!-- models to begin with -->\n", "<!-- the end of them -->\n"
FORMATS = ("q4", "q8", "int8", "fp16")


def table() -> str:
    """Return the table as Markdown; the sizes are those of the weights in memory."""
    heads = ["model", "weights", "licence", "good for", *FORMATS]
    rows = [heads, ["---"] * 4 + ["---:"] * len(FORMATS)]
    for model in GOOD_MODELS:
        sizes = [human_bytes(model.memory(weights)) for weights in FORMATS]
        count = human_count(model.parameters)
        rows.append([f"`{model.model}`", count, model.licence, model.good_for, *sizes])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Put the table in its place in the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
