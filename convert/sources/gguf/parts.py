"""A model in one GGUF file or split into many: opened by any of its parts, seen as a whole.

Knows how parts are named and counted, nothing of what they hold. Source: llama.cpp's
``gguf-split``.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import ConvertError
from .file import AGAIN, GgufFile, StoredTensor

_NAME = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)


class Gguf:
    """An open model: the key-values of its first file, the tensors of all its parts."""

    def __init__(self, path: Path) -> None:
        """Open the file and, if it is one part of several, the others. Raises ``ConvertError``."""
        self.path = path
        self._parts: list[GgufFile] = []
        try:
            self._parts.append(GgufFile(path))
            self._open_others()
            self._parts.sort(key=_number)
            self.version = self._parts[0].version
            self.metadata = self._parts[0].metadata
            self.inputs = [part.file for part in self._parts]
            self.tensors = self._merged()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all files; reading is over."""
        for part in self._parts:
            part.file.close()

    def _open_others(self) -> None:
        given = self._parts[0]
        path, number, count = given.file.path, _number(given), _count(given)
        if count <= 1:
            return
        name = _NAME.fullmatch(path.name)
        if not name or (int(name[2]), int(name[3])) != (number + 1, count):
            raise ConvertError(
                f"{path}: says that it is part {number + 1} of {count}, and its name doesn't",
                f"name the parts X-00001-of-{count:05}.gguf and so on",
            )
        for i in range(count):
            if i != number:
                self._parts.append(_sibling(given, f"{name[1]}-{i + 1:05}-of-{name[3]}.gguf", i))

    def _merged(self) -> dict[str, StoredTensor]:
        tensors: dict[str, StoredTensor] = {}
        for part in self._parts:
            for name, tensor in part.tensors.items():
                if name in tensors:
                    raise ConvertError(f"{part.file.path}: {name} stands in another part too")
                tensors[name] = tensor
        want = self.metadata.integer("split.tensors.count", len(tensors))
        if len(self._parts) > 1 and want != len(tensors):
            what = f"the parts have {len(tensors)} tensors, and {want} were split"
            raise ConvertError(f"{self._parts[0].file.path}: {what}", AGAIN)
        return tensors


def _number(part: GgufFile) -> int:
    return part.metadata.integer("split.no", 0)


def _count(part: GgufFile) -> int:
    return part.metadata.integer("split.count", 1)


def _sibling(given: GgufFile, name: str, number: int) -> GgufFile:
    path, count = given.file.path, _count(given)
    try:
        part = GgufFile(path.with_name(name))
    except ConvertError as e:
        what = f"part {number + 1} of {count} can't be used: {e.message}"
        raise ConvertError(f"{path}: {what}", f"put all {count} parts into one folder") from None
    says = (_number(part), _count(part))
    if says != (number, count):
        part.file.close()
        raise ConvertError(
            f"{part.file.path}: says that it is part {says[0] + 1} of {says[1]}, and its name "
            f"that it is {number + 1} of {count}",
            AGAIN,
        )
    return part
