"""The model that ships inside the package: its name, what it can do, where it lies, its sums."""

from __future__ import annotations

from pathlib import Path

from convert.errors import ConvertError
from convert.files import read_regular, sha256_file

from ..errors import ModelError

DEMO = "demo"
DEMO_CHECKPOINT = Path(__file__).parents[1] / "demo" / "demo.bin"
ABOUT = "A very small model for a first try: stories, jokes, sums up to twenty."
STARTERS = ("Tell me a story about a fox.", "Tell me a joke.", "What is twelve plus five?")
"""Messages that it answers well."""
REINSTALL = "install the program again"
MAX_SUMS = 1 << 16


def refuse_damage(path: Path) -> None:
    """Raise ``ModelError`` unless the checkpoint and its tokenizer have the sums beside them."""
    sums = path.with_suffix(".sha256")
    try:
        lines = read_regular(sums, MAX_SUMS, "it").decode("utf-8", "replace").splitlines()
        for digest, name in map(str.split, lines):
            if sha256_file(path.with_name(name)) != digest:
                raise ModelError(f"{path.with_name(name)}: the bundled file is damaged", REINSTALL)
    except ConvertError as e:
        raise ModelError(e.message, REINSTALL) from e
    except ValueError as e:
        raise ModelError(f"{sums}: the bundled file is damaged", REINSTALL) from e
