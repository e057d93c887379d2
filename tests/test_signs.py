"""Every module, and every public function, class and method, says what it is for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = [
    p for room in ("llama2ncnn_chat", "convert") for p in sorted((ROOT / room).rglob("*.py"))
]

HOOKS = {"compose", "render", "check_action", "active_bindings", "get_system_commands"}
HOOK_BEGINNINGS = ("on_", "watch_")
"""What Textual calls by its name, in ``ui/tui``: it may go without a word."""

Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def is_hook(path: Path, name: str) -> bool:
    return path.parent.name == "tui" and (name in HOOKS or name.startswith(HOOK_BEGINNINGS))


def is_setter(node: Named) -> bool:
    """Tell whether it sets a property, for which the property speaks."""
    return any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list)


def public(node: ast.Module | ast.ClassDef, within: str = "") -> Iterator[tuple[str, Named]]:
    """Yield what others may use of a module or a class, by its name, at any depth of classes."""
    for child in node.body:
        if not isinstance(child, Named) or child.name.startswith("_"):
            continue
        yield f"{within}{child.name}", child
        if isinstance(child, ast.ClassDef):
            yield from public(child, f"{within}{child.name}.")


def unsigned(path: Path) -> list[str]:
    module = ast.parse(path.read_text())
    names = [] if ast.get_docstring(module) else ["the module"]
    for name, node in public(module):
        if not (ast.get_docstring(node) or is_setter(node) or is_hook(path, node.name)):
            names.append(name)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_public_has_a_docstring(path: Path) -> None:
    assert unsigned(path) == []
