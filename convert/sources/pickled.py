"""PyTorch's files (``.pth``, ``pytorch_model.bin``) read without PyTorch, and without unpickling.

The pickle inside is walked by a machine of our own that makes dicts, lists, tuples, texts and
numbers, and knows by name the few calls that describe a tensor: nothing of Python is looked up or
called. Sources: ``pickletools``, and ``torch/_utils.py`` and ``torch/serialization.py``.
"""

from __future__ import annotations

import math
import pickletools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConvertError
from .not_models import not_a_model
from .source import InputFile
from .stored import ITEM_BYTES, StoredTensor
from .zipped import NOT_WHOLE, data_of, read_directory

MAX_PICKLE = 16 << 20
MAX_DIMENSIONS = 8
MAX_NAME = 1 << 10

STORAGES = {
    f"torch {name}Storage": dtype
    for name, dtype in (
        *(("Float", "F32"), ("Half", "F16"), ("BFloat16", "BF16"), ("Double", "F64")),
        *(("Long", "I64"), ("Int", "I32"), ("Short", "I16"), ("Char", "I8")),
        *(("Byte", "U8"), ("Bool", "BOOL")),
    )
}
ORDERED_DICT = "collections OrderedDict"
TENSOR = "torch._utils _rebuild_tensor_v2"
PARAMETER = "torch._utils _rebuild_parameter"
OF_TYPE = "torch._tensor _rebuild_from_type_v2"
TYPES = ("torch Tensor", "torch.nn.parameter Parameter")
NAMES = frozenset((*STORAGES, ORDERED_DICT, TENSOR, PARAMETER, OF_TYPE, *TYPES))
"""All that a pickle may name. To us they are words."""


def read_pickled(file: InputFile) -> dict[str, StoredTensor]:
    """List the tensors of a saved state by their names. Raises ``ConvertError``.

    Types that this program doesn't read are listed too: not every tensor is wanted.
    """
    if file.size < 4 or file.read(0, 4, "its first bytes").tobytes() != b"PK\3\4":
        raise not_a_model(file.path) or ConvertError(
            f"{file.path}: isn't a zip, as PyTorch's files are since 1.6",
            "download it again, or take a safetensors file",
        )
    entries = read_directory(file)
    root = next((name[:-8] for name in entries if name.endswith("/data.pkl")), None)
    if root is None:
        raise ConvertError(f"{file.path}: a zip without data.pkl", "is it one of PyTorch's?")

    def content(name: str, limit: int) -> bytes:
        entry = entries[f"{root}{name}"]
        if entry.size > limit:
            raise ConvertError(f"{file.path}: {entry.name[:80]!r} has {entry.size:,} bytes")
        return file.read(data_of(file, entry), entry.size, name).tobytes()

    if f"{root}byteorder" in entries and content("byteorder", 16) != b"little":
        raise ConvertError(f"{file.path}: its numbers aren't little-endian")
    tensors = {}
    for name, tensor in _state(file, content("data.pkl", MAX_PICKLE)).items():
        if isinstance(name, str) and isinstance(tensor, _Tensor):
            entry = entries.get(f"{root}data/{tensor.storage.key}")
            if entry is None:
                what = f"{file.path}: the data of {name[:80]!r} isn't in it"
                raise ConvertError(what, NOT_WHOLE)
            at = data_of(file, entry) + _offset(file, name, tensor, entry.size)
            tensors[name] = StoredTensor(file, name, tensor.storage.dtype, tensor.shape, at)
    return tensors


@dataclass(frozen=True)
class _Name:
    """A module and a name in it, of which nothing is known but that."""

    text: str


@dataclass(frozen=True)
class _Storage:
    dtype: str
    key: str


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _offset(file: InputFile, name: str, tensor: _Tensor, size: int) -> int:
    """Where in its storage a tensor begins, in bytes; all of it is there, row by row."""
    item = ITEM_BYTES.get(tensor.storage.dtype, 0)
    stride, dense = 1, True
    for n, step in zip(reversed(tensor.shape), reversed(tensor.stride), strict=True):
        dense &= n == 1 or step == stride
        stride *= n
    if item and not dense:
        raise ConvertError(
            f"{file.path}: {name[:80]!r} isn't stored row by row",
            "save it again with tensors made contiguous",
        )
    begin = tensor.offset * item
    if begin + math.prod(tensor.shape) * item > size:
        raise ConvertError(f"{file.path}: {name[:80]!r} is larger than its data", NOT_WHOLE)
    return begin


def _state(file: InputFile, pickle: bytes) -> dict[Any, Any]:
    try:
        state = _Machine(pickle).run()
    except _ForbiddenError as e:
        raise ConvertError(
            f"{file.path}: its pickle wants {e.args[0][:80]!r}, which no checkpoint needs",
            "nothing of it was run; don't open it with other programs",
        ) from None
    except (ValueError, TypeError, LookupError, RecursionError, struct.error):
        raise ConvertError(f"{file.path}: its pickle is damaged", NOT_WHOLE) from None
    if not isinstance(state, dict):
        raise ConvertError(f"{file.path}: holds no tensors by name", "is it a model?")
    return state


class _ForbiddenError(Exception):
    """A name or an instruction that no state of tensors has."""


CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
AS_IT_IS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE"),
}


OPCODES = {opcode.code: opcode.name for opcode in pickletools.opcodes}
NUMBER = {
    **{"BININT": "<i", "BININT1": "<B", "BININT2": "<H", "BINFLOAT": ">d"},
    **{"PROTO": "<B", "FRAME": "<Q"},
    **{"BINPUT": "<B", "LONG_BINPUT": "<I", "BINGET": "<B", "LONG_BINGET": "<I"},
}
COUNT_BYTES = {"LONG1": 1, "SHORT_BINUNICODE": 1, "BINUNICODE": 4}


def _instructions(pickle: bytes) -> Iterator[tuple[str, Any]]:
    """Every instruction by its name, with what stands behind it.

    Not ``pickletools.genops``, which reads what we don't want to know, and warns while it does.
    """
    at = 0
    while True:
        name = OPCODES[pickle[at : at + 1].decode("latin-1")]
        argument: Any = None
        at += 1
        if name in NUMBER:
            (argument,) = struct.unpack_from(NUMBER[name], pickle, at)
            at += struct.calcsize(NUMBER[name])
        elif name in COUNT_BYTES:
            start = at + COUNT_BYTES[name]
            at = start + int.from_bytes(pickle[at:start], "little")
            if at > len(pickle):
                raise ValueError
            raw = pickle[start:at]
            argument = _whole(raw) if name == "LONG1" else raw.decode()
        elif name == "GLOBAL":
            module, named, _ = pickle[at : at + MAX_NAME].split(b"\n", 2)
            at += len(module) + len(named) + 2
            argument = f"{module.decode()} {named.decode()}"
        yield name, argument


def _whole(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


class _Machine:
    """Walks a pickle. Every instruction makes one small thing of the bytes it stands in."""

    def __init__(self, pickle: bytes) -> None:
        self._pickle = pickle
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for name, argument in _instructions(self._pickle):
            if name == "STOP":
                break
            self._step(name, argument)
        return self._stack.pop()

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in AS_IT_IS:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name == "MARK":
            self._marks.append(len(stack))
        elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(self._last(int(name[5:])) if name[5:] else self._marked()))
        elif name in ("SETITEM", "SETITEMS"):
            self._set(self._marked() if name == "SETITEMS" else self._last(2))
        elif name in ("APPEND", "APPENDS"):
            values = self._marked() if name == "APPENDS" else self._last(1)
            _a(list, stack[-1]).extend(values)
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memo[len(self._memo) if argument is None else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(_name(argument or " ".join(self._last(2))))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            call, arguments = self._last(2)
            stack.append(_called(call, arguments))
        elif name == "BUILD":  # what a dict of tensors carries beside them
            stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise _ForbiddenError(name)

    def _last(self, n: int) -> list[Any]:
        if n > len(self._stack):
            raise IndexError
        values = self._stack[len(self._stack) - n :]
        del self._stack[len(self._stack) - n :]
        return values

    def _marked(self) -> list[Any]:
        return self._last(len(self._stack) - self._marks.pop())

    def _set(self, pairs: list[Any]) -> None:
        _update(_a(dict, self._stack[-1]), zip(pairs[::2], pairs[1::2], strict=True))


def _a(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _update(target: dict[Any, Any], pairs: Any) -> dict[Any, Any]:
    for key, value in pairs:
        if type(key) not in (str, int):  # the hash of a tuple goes as deep as it does
            raise TypeError
        target[key] = value
    return target


def _name(text: str) -> _Name:
    if text not in NAMES:
        raise _ForbiddenError(text)
    return _Name(text)


def _storage(key: Any) -> _Storage:
    kind, type_, name, _device, _size = key
    if kind != "storage" or type(name) is not str:
        raise ValueError
    return _Storage(STORAGES[_a(_Name, type_).text], name)


def _called(call: Any, arguments: Any) -> Any:
    name = _a(_Name, call).text
    if name == ORDERED_DICT:
        return _update({}, *_a(tuple, arguments)) if arguments else {}
    if name == TENSOR:
        storage, offset, shape, stride, *_ = arguments
        sizes = _sizes((offset,)), _sizes(shape), _sizes(stride)
        if len(shape) != len(stride):
            raise ValueError
        return _Tensor(_a(_Storage, storage), sizes[0][0], sizes[1], sizes[2])
    if name == PARAMETER:
        return _a(_Tensor, arguments[0])
    if name == OF_TYPE:
        return _called(arguments[0], arguments[2])
    raise _ForbiddenError(name)


def _sizes(numbers: Sequence[Any]) -> tuple[int, ...]:
    if len(numbers) > MAX_DIMENSIONS or not all(0 <= _a(int, n) < 1 << 62 for n in numbers):
        raise ValueError
    return tuple(numbers)
