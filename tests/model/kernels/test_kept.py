"""Machine code that is kept in the cache folder: used again, and made anew where it is no good."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llama2ncnn_chat.model.kernels import kept
from llama2ncnn_chat.model.kernels.build import Kernels, kinds_here
from llama2ncnn_chat.model.kernels.kept import kept_kernels
from llama2ncnn_chat.model.kernels.tables import Head, NormProducts
from llama2ncnn_chat.paths import cache_dir
from tests.model.kernels.matrices import Memory, address_of, random_matrix
from tests.model.kernels.reference import EPSILON, close, in_bytes, normed


def works(kernels: Kernels) -> None:
    rng = np.random.default_rng(0)
    matrix, scratch = random_matrix(rng, 20, 70, 8), Memory(2, 70)
    x, gain = rng.standard_normal((2, 70), np.float32), np.ones(70, np.float32)
    out = np.zeros((2, 20), np.float32)
    products = NormProducts(
        *(70, 20, gain.ctypes.data, 1, address_of(matrix.table)),
        *(EPSILON, scratch.table),
    )
    table = Head(x.ctypes.data, out.ctypes.data, 2, products)
    kernels.head(address_of(table), 1)
    close(out, matrix.times(in_bytes(normed(x, gain))))


def the_file() -> Path:
    (path,) = (cache_dir() / "kernels").iterdir()
    return path


def test_they_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    works(kept_kernels(kinds_here()[0], alone=True))

    def again(*_: object, **__: object) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(kept, "compile_object", again)
    works(kept_kernels(kinds_here()[0], alone=True))
    with pytest.raises(AssertionError, match="compiled again"):
        kept_kernels("portable", alone=True)


@pytest.mark.parametrize("damage", [b"", b"\x7fELF", "a byte"])
def test_damaged_code_is_never_run(damage: bytes | str) -> None:
    works(kept_kernels(kinds_here()[0], alone=True))
    whole = the_file().read_bytes()
    broken = bytearray(whole) if isinstance(damage, str) else damage
    if isinstance(broken, bytearray):
        broken[len(broken) // 2] ^= 1
    the_file().write_bytes(broken)
    again = kept_kernels(kinds_here()[0], alone=True)
    works(again)
    assert again.notes == [f"{the_file()}: is damaged; the kernels were compiled anew"]
    assert the_file().read_bytes() == whole
    assert kept_kernels(kinds_here()[0], alone=True).notes == []


def test_a_folder_that_can_not_be_written_does_no_harm() -> None:
    cache_dir().mkdir(parents=True, exist_ok=True)
    (cache_dir() / "kernels").write_text("in the way")
    works(kept_kernels(kinds_here()[0], alone=True))
