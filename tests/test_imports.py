"""The rules of which room may import which, lazy and ``TYPE_CHECKING`` imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHAT = "llama2ncnn_chat"
COMMAND = "convert.__main__"
GROUND = {"atomic", "errors", "events", "paths", "reading", "signals"}
"""What everyone may see; modules, not rooms."""

BELOW = {
    "text": set(),
    "model": set(),
    "generation": {"model", "text"},
    "remote": {"generation", "model", "text"},
    "conversation": {"generation", "model", "text"},
    "storage": {"conversation", "generation", "model", "text"},
    "chat": {"storage", "conversation", "generation", "model", "text"},
    "catalogue": set(),
    "quality": {"generation", "model", "text"},
    "launch": {
        *("remote", "catalogue", "chat", "storage", "conversation", "generation", "model", "text"),
        "quality",
    },
    "ui": {
        *("launch", "catalogue", "chat", "storage", "conversation", "generation", "model", "text"),
        "quality",
    },
    "serve": {"launch", "ui", "chat", "conversation", "generation", "model", "text"},
    "cli": {"arguments", "launch", "ui", "serve", "catalogue", "chat"},
    "arguments": {"launch", "chat"},
    "demo": set(),
    "__main__": {"cli", "ui"},
    **{each: set[str]() for each in GROUND},
}
"""Every room of the chat (and every single module at its top), and the rooms it may look into."""

CONVERT_FOR = {
    "atomic": {"temporary"},
    "reading": {"errors", "files"},
    "cli": {"streams"},
    "__main__": {"crash", "streams"},
    "arguments": {"streams"},
    "catalogue": None,
    "launch": None,
    "quality": None,
    "serve": {"crash"},
    "ui": None,
    "model": {
        *("decoder", "desc", "errors", "files", "rope", "rope_tables", "seal", "shape", "stem"),
        *("formats", "graph", "places", "plain_weights"),
    },
}
"""Who may look into the converter, and into which of its modules; None is all of them."""

ONLY_IN = {
    "jinja2": {"llama2ncnn_chat.text.templates.sandbox"},
    "llvmlite": {"llama2ncnn_chat.model.kernels"},
    "ncnn": {"llama2ncnn_chat.model.ncnn_memory"},
    "textual": {"llama2ncnn_chat.ui.tui"},
    "markdown_it": {"llama2ncnn_chat.ui.tui.markdown"},
    "prompt_toolkit": {"llama2ncnn_chat.ui.repl", "llama2ncnn_chat.ui.tui.vi_editor"},
    "rich": {"llama2ncnn_chat.ui", "convert.progress"},
    "sqlite3": {"llama2ncnn_chat.storage"},
    # And what stays after its program: a text in the person's editor, a copy.
    "tempfile": {
        *("convert.temporary", "llama2ncnn_chat.ui.editor", "llama2ncnn_chat.ui.tui.clip"),
    },
    "argparse": {"llama2ncnn_chat.arguments", "convert.arguments", "convert.__main__"},
    "huggingface_hub": {"convert.hub"},
    "httpx2": {"convert.hub", "llama2ncnn_chat.remote.http"},
    "llguidance": {"llama2ncnn_chat.generation.grammar"},
    "msgspec": {"llama2ncnn_chat.serve"},
    "prometheus_client": {"llama2ncnn_chat.serve.metrics"},
    "starlette": {"llama2ncnn_chat.serve"},
    "tokenizers": {"llama2ncnn_chat.text.tokenizers"},
    "uvicorn": {"llama2ncnn_chat.serve.face", "llama2ncnn_chat.serve.protocol"},
}


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
    """But for its command, an entry point like the chat's, which has a report measured."""
    found = {(m, i) for m in MODULES if m.startswith("convert") for i in imports(m) if CHAT in i}
    wrong = {(m, i) for m, i in found if m != COMMAND or not i.startswith(f"{CHAT}.quality.")}
    assert wrong == set()


def test_a_conversion_imports_no_engine() -> None:
    tree = ast.parse(MODULES[COMMAND].read_text())
    at_once = [x.module for x in tree.body if isinstance(x, ast.ImportFrom) and x.module]
    assert not [module for module in at_once if module.startswith(CHAT)]


def room_of(module: str) -> str:
    """The room of a module of the chat; for a module at its top, itself."""
    return module.split(".")[1]


CHATS = [m for m in MODULES if m.startswith(f"{CHAT}.")]


def test_every_room_is_named() -> None:
    rooms = {path.stem for path in (ROOT / CHAT).iterdir() if path.is_dir() or path.suffix == ".py"}
    assert rooms - {"__init__", "__pycache__"} == BELOW.keys()


def test_rooms_import_only_downwards() -> None:
    wrong = []
    for module in CHATS:
        room = room_of(module)
        for imported in imports(module):
            if imported.startswith(f"{CHAT}."):
                target = room_of(imported)
                if target not in {room, "__version__"} | BELOW[room] | GROUND:
                    wrong.append((module, imported))
            elif imported.startswith("convert."):
                seen = CONVERT_FOR.get(room, set())
                if seen is not None and imported.split(".")[1] not in seen:
                    wrong.append((module, imported))
    assert wrong == []


def test_rooms_are_in_no_cycle() -> None:
    order: list[str] = []

    def visit(room: str, above: tuple[str, ...]) -> None:
        assert room not in above, " -> ".join((*above, room))
        for below in BELOW[room] if room not in order else ():
            visit(below, (*above, room))
        order.append(room)

    for room in BELOW:
        visit(room, ())


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


def test_one_module_writes_to_the_streams() -> None:
    """And the sandbox, whose standard output is a pipe to its parent."""
    wrong = {
        module
        for module in MODULES
        for node in ast.walk(ast.parse(MODULES[module].read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("write", "flush", "buffer", "writelines")
        and ast.unparse(node.value) in ("sys.stdout", "sys.stderr")
    }
    assert wrong == {f"{CHAT}.text.templates.sandbox"}


def test_files_stay_short() -> None:
    long = {m: n for m, p in MODULES.items() if (n := len(p.read_text().splitlines())) > 300}
    assert long == {}
