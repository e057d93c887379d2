"""Everything that reads a file or a terminal: what it reads when whole, and how it is called."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from convert.chat_facts import read_chat_facts
from convert.desc import OWN_CHECKSUM
from convert.errors import ConvertError
from convert.pipeline import convert
from convert.stem import file_of
from llama2ncnn_chat.catalogue.cached import ORIGIN, Origin, read_origin, write_origin
from llama2ncnn_chat.catalogue.hashes import content_hash
from llama2ncnn_chat.catalogue.sound import SUMS, read_sound, write_sums
from llama2ncnn_chat.chat.line import parse
from llama2ncnn_chat.conversation.ledger import Ledger, Turn
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.launch.config import collect
from llama2ncnn_chat.launch.options import OPTIONS
from llama2ncnn_chat.model.kv_cache import KvCache
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.storage.snapshots import SnapshotStore
from llama2ncnn_chat.storage.store import SessionMeta, Store
from llama2ncnn_chat.text.templates.jinja import JinjaTemplate, Message
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from llama2ncnn_chat.ui.history import History
from llama2ncnn_chat.ui.keyboard import Keyboard
from tests.chat_folder import TEMPLATE, write_chat_folder
from tests.folders import write_meta
from tests.gguf_writer import write_gguf
from tests.program import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0, write_v1, write_v2

SHAPE = tiny_config(dim=32, hidden_dim=32, n_layers=1, n_heads=2, n_kv_heads=1, vocab_size=16)
REFUSALS = (ConvertError, ChatError)
"""What a reader may answer with: errors that say what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Reader:
    """How to write something whole into a folder, which file of it to mutate, and how to read."""

    write: Callable[[Path], object]
    mutated: str
    read: Callable[[Path], object]


def _converted(name: str, weights: str = "fp16") -> Callable[[Path], object]:
    def read(folder: Path) -> None:
        convert(folder / name, folder / "out", weights=weights)

    return read


def _weights() -> dict[str, np.ndarray]:
    return random_weights(SHAPE, 0)


def _write_model(folder: Path) -> None:
    convert(write_v0(folder / "source.bin", SHAPE, _weights()), folder / "m", weights="q8")


def _run_model(folder: Path) -> None:
    engine = NcnnEngine(folder / "m", threads=1)
    engine.forward([1, 2])
    engine.close()


def _run_sealed(folder: Path) -> None:
    """Run a model whose description was changed by somebody who knew its checksum."""
    path = folder / "m.desc"
    before, mark, _ = path.read_bytes().partition(f"\n{OWN_CHECKSUM}=".encode())
    path.write_bytes(before + mark + hashlib.sha256(before).hexdigest().encode() + b"\n")
    _run_model(folder)


def _write_sessions(folder: Path) -> None:
    with closing(Store.open(folder / "s.db")) as store:
        for name in ("one", "two"):
            meta = SessionMeta("m", "f", {"name": "plain"}, "", Sampling(), name)
            ledger, recorder = Ledger(), store.create(meta)
            for i in range(4):
                turn = Turn("assistant" if i % 2 else "user", f"text {i}", [i, 300 + i])
                recorder.turn_added(ledger.add(turn))


def _read_sessions(folder: Path) -> None:
    with closing(Store.open(folder / "s.db")) as store:
        for info in store.list(limit=-1, one_shots=True):
            with suppress(ChatError):
                list(store.resume(info.id).ledger.turns())
        store.list("text")


def _write_snapshot(folder: Path) -> None:
    cache = KvCache(*(np.ones((2, 1, 3, 8), np.float16) for _ in range(2)))
    SnapshotStore(folder).save(1, "key", [1, 2, 3], cache)


def _write_facts(folder: Path) -> None:
    write_chat_folder(folder / "hf")
    convert(folder / "hf", folder / "m", weights="q8")


def _write_memo(folder: Path) -> None:
    (folder / "file").write_bytes(b"abc")
    content_hash([folder / "file"], folder, None, [])
    (memo,) = (folder / "hashes").iterdir()
    memo.rename(folder / "memo")


def _read_memo(folder: Path) -> None:
    (folder / "hashes").mkdir(exist_ok=True)
    content_hash([folder / "file"], folder, None, [])
    (memo,) = (folder / "hashes").iterdir()
    memo.write_bytes((folder / "memo").read_bytes())
    content_hash([folder / "file"], folder, None, [])


def _write_origin(folder: Path) -> None:
    write_origin(folder, Origin("m.bin", (folder / "m.bin",), "tokenizer.bin"))


def _read_origin(folder: Path) -> None:
    origin = read_origin(folder)
    assert origin is None or origin.is_there in (True, False)


def _write_sums(folder: Path) -> None:
    _write_model(folder)
    write_sums(folder / "m")


def _read_keys(folder: Path) -> None:
    keyboard, data = Keyboard(), (folder / "keys").read_bytes()
    for start in range(0, len(data), 7):
        list(keyboard.feed(data[start : start + 7], start))
    for seconds in (0.2, 2.0, 9.0):
        list(keyboard.idle(len(data) + seconds))


def _write_keys(folder: Path) -> None:
    paste = "\x1b[200~a \x1b[31mred\x1b[0m\x1b[201~"
    (folder / "keys").write_text(paste + "\x1b[99;5u\x1b[27;5;1089~\x1b\rcaf\u00e9")


def _render(folder: Path) -> None:
    source = (folder / "t").read_text(errors="replace")
    template = JinjaTemplate(source, (("bos_token", "<s>"),), datetime.now().isoformat())
    template.render([Message(role="user", content="hello")])


def _checkpoint(write: Callable[..., object], *more: int) -> Reader:
    return Reader(
        lambda f: write(f / "m.bin", SHAPE, _weights(), *more), "m.bin", _converted("m.bin")
    )


def _of_chat_folder(name: str, read: Callable[[Path], object]) -> Reader:
    return Reader(lambda folder: write_chat_folder(folder), name, read)


READERS: dict[str, Reader] = {
    "checkpoint v0": _checkpoint(write_v0),
    "checkpoint v1": _checkpoint(write_v1),
    "checkpoint v2": _checkpoint(write_v2, 32),
    "gguf": Reader(
        lambda f: write_gguf(f / "m.gguf", SHAPE, _weights()), "m.gguf", _converted("m.gguf")
    ),
    "safetensors": _of_chat_folder("model.safetensors", _converted("")),
    "config.json": _of_chat_folder("config.json", _converted("")),
    "generation_config.json": _of_chat_folder("generation_config.json", _converted("")),
    "tokenizer.json": _of_chat_folder(
        "tokenizer.json", lambda f: open_tokenizer(f / "tokenizer.json").encode("a text")
    ),
    "pickle": Reader(
        lambda f: write_meta(f / "meta", SHAPE, _weights(), 1),
        "meta/consolidated.00.pth",
        _converted("meta"),
    ),
    "tokenizer.bin": Reader(
        lambda f: write_tokenizer(f / "t.bin"),
        "t.bin",
        lambda f: open_tokenizer(f / "t.bin").encode("a text"),
    ),
    "desc": Reader(_write_model, "m.desc", _run_model),
    "desc, sealed": Reader(_write_model, "m.desc", _run_sealed),
    "param": Reader(_write_model, "m.param", _run_model),
    "bin": Reader(_write_model, "m.bin", _run_model),
    "chat.json": Reader(
        _write_facts, "m.chat.json", lambda f: read_chat_facts(file_of(f / "m", ".chat.json"))
    ),
    "sessions": Reader(_write_sessions, "s.db", _read_sessions),
    "snapshot": Reader(
        _write_snapshot, "1.safetensors", lambda f: SnapshotStore(f).load(1, "key", [1, 2, 3])
    ),
    "memo": Reader(_write_memo, "memo", _read_memo),
    "origin": Reader(_write_origin, ORIGIN, _read_origin),
    "sums": Reader(_write_sums, SUMS, lambda f: read_sound(f / "m")),
    "history": Reader(
        lambda f: History(f / "history").add("one\nmore"),
        "history",
        lambda f: History(f / "history").search("one"),
    ),
    "config.toml": Reader(
        lambda f: (f / "c.toml").write_text('temp = 0.5\nstop = ["a"]\nthreads = 2\n'),
        "c.toml",
        lambda f: collect(OPTIONS, {}, {}, f / "c.toml"),
    ),
    "typed line": Reader(
        lambda f: (f / "line").write_text('/set stop "a b" \\n "c"\n/read x y'),
        "line",
        lambda f: parse((f / "line").read_text(errors="replace")),
    ),
    "keys": Reader(_write_keys, "keys", _read_keys),
    "template": Reader(lambda f: (f / "t").write_text(TEMPLATE), "t", _render),
}
"""Every reader, by what it reads."""
