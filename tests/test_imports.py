"""The rules of which room may import which, lazy and ``TYPE_CHECKING`` imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHAT = "llama2ncnn_chat"
BASE = {"settings", "errors", "events", "paths", "signals"}
MAY_IMPORT = {
    "text": {"text"} | BASE,
    "model": {"model"} | BASE,
    "generation": {"generation", "model", "text"} | BASE,
    "conversation": {"conversation", "generation", "model", "text"} | BASE,
    "ui": {"ui", "conversation", "generation", "model", "text"}
    | {"opening", "models", "model_list"}
    | BASE,
    **dict.fromkeys(BASE, BASE),
}
"""Rooms (and single modules) of the chat by name; what isn't listed may import everything."""

ONLY_IN = {
    "ncnn": {"llama2ncnn_chat.model.ncnn_memory"},
    "textual": {"llama2ncnn_chat.ui.tui"},
    "markdown_it": {"llama2ncnn_chat.ui.tui.markdown"},
    "prompt_toolkit": {"llama2ncnn_chat.ui.repl"},
    "rich": {"llama2ncnn_chat.ui", "llama2ncnn_chat.bench", "convert.__main__", "convert.inspect"},
}
CONVERT_FOR_CHAT = {"desc", "errors", "rope", "llama"}
"""All of the converter that the engine sees; what opens or benchmarks a model sees the rest."""


def modules() -> dict[str, Path]:
    found = {}
    for package in (CHAT, "convert"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[str]:
    """Absolute names of all that a module imports, anywhere in it."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, base]).rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str | None:
    """The module of ours that an imported name is, or lies in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def test_the_converter_knows_nothing_of_the_chat() -> None:
    wrong = [(m, i) for m in MODULES if m.startswith("convert") for i in imports(m) if CHAT in i]
    assert wrong == []


def test_rooms_import_only_downwards() -> None:
    wrong = []
    for module in MODULES:
        room = module.split(".")[1] if module.startswith(f"{CHAT}.") else ""
        for imported in imports(module) if room in MAY_IMPORT else ():
            if imported.startswith(f"{CHAT}."):
                target = imported.split(".")[1]
                if target not in MAY_IMPORT[room] and target != "__version__":
                    wrong.append((module, imported))
            elif imported.startswith("convert.") and imported.split(".")[1] not in CONVERT_FOR_CHAT:
                wrong.append((module, imported))
    assert wrong == []


def test_libraries_stay_in_their_rooms() -> None:
    wrong = [
        (module, imported)
        for module in MODULES
        for imported in imports(module)
        if (library := imported.split(".")[0]) in ONLY_IN
        and not any(module == home or module.startswith(f"{home}.") for home in ONLY_IN[library])
    ]
    assert wrong == []


def test_there_are_no_cycles() -> None:
    graph = {m: {t for i in imports(m) if (t := module_of(i)) and t != m} for m in MODULES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module in done:
            return
        for target in graph[module]:
            if not path or target != path[-1].rpartition(".")[0]:
                visit(target, (*path, module))
        done.add(module)

    for module in MODULES:
        visit(module, ())


def test_files_stay_short() -> None:
    long = {m: n for m, p in MODULES.items() if (n := len(p.read_text().splitlines())) > 320}
    assert long == {}
