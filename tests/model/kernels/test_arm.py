"""The portable kernels as an ARM program, which qemu runs, against float64.

Skipped where there is no emulator, or no cross compiler to link the program.
"""

from __future__ import annotations

import shutil
import subprocess
from ctypes import Structure, sizeof
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt
import pytest

from llama2ncnn_chat.model.kernels.build import KINDS, write
from llama2ncnn_chat.model.kernels.tables import Matrix, NormProducts, Scratch
from tests.model.kernels.matrices import Floats, RandomMatrix, random_matrix
from tests.model.kernels.reference import EPSILON, close, in_bytes, normed

LINKER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
ROOT = "/usr/aarch64-linux-gnu"
TRIPLE = "aarch64-unknown-linux-gnu"

BASE, SIZE = 1 << 40, 1 << 20
PROGRAM = f"""
#include <stdio.h>
#include <sys/mman.h>
void norm_products(long table, long threads);
int main(void) {{
  char *image = mmap((void *){BASE}L, {SIZE}, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  fread(image, 1, {SIZE}, stdin);
  norm_products((long)image, 1);
  fwrite(image, 1, {SIZE}, stdout);
  return 0;
}}
"""


class Image:
    """The memory of the program, at the addresses that it will have there."""

    def __init__(self, room: int) -> None:
        self.bytes, self._end = np.zeros(SIZE, np.uint8), room

    def put(self, array: npt.NDArray[np.generic]) -> int:
        """Put an array on a cache line of its own; returns its address."""
        at = self._end + -self._end % 64
        raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        self.bytes[at : at + raw.size] = raw
        self._end = at + raw.size
        return BASE + at


@pytest.mark.parametrize("bits", [8, 4])
def test_an_arm_program_computes_the_same(tmp_path: Path, bits: int) -> None:
    for tool in (LINKER, EMULATOR):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    rng = np.random.default_rng(bits)
    m, dim = 5, 70
    matrix = random_matrix(rng, 20, dim, bits)
    x, gain = rng.standard_normal((m, dim), np.float32), rng.random(dim, np.float32)
    got = _run(_linked(tmp_path), matrix, x, gain)
    close(got, matrix.times(in_bytes(normed(x, gain))))


def _run(program: Path, matrix: RandomMatrix, x: Floats, gain: Floats) -> Floats:
    (m, dim), rows = x.shape, matrix.table.rows
    image = Image(sizeof(NormProducts))
    table = Matrix.from_buffer_copy(matrix.table)
    table.panels = image.put(matrix.memory)
    out = image.put(np.zeros((m, rows), np.float32))
    kept = [image.put(np.zeros(m * 96 * n, np.uint8)) for n in (1, 4, 4)]
    head = NormProducts(
        *(image.put(x), out, m, dim, rows, image.put(gain)),
        *(1, image.put(_bytes_of(table)), EPSILON, Scratch(*kept)),
    )
    image.bytes[: sizeof(head)] = _bytes_of(head)
    command = [EMULATOR, "-L", ROOT, str(program)]
    ran = subprocess.run(command, input=image.bytes.tobytes(), capture_output=True, check=True)
    after = np.frombuffer(ran.stdout, np.uint8)[out - BASE :][: 4 * m * rows]
    return after.view(np.float32).reshape(m, rows)


def _bytes_of(table: Structure) -> npt.NDArray[np.uint8]:
    return np.frombuffer(bytes(table), np.uint8)


def _linked(folder: Path) -> Path:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = write(KINDS["portable"][0], alone=True)
    module.triple = TRIPLE
    target = llvm.Target.from_triple(TRIPLE).create_target_machine(opt=3, reloc="pic")
    (folder / "kernels.o").write_bytes(target.emit_object(llvm.parse_assembly(str(module))))
    (folder / "main.c").write_text(PROGRAM)
    program = folder / "program"
    subprocess.run([LINKER, "-o", program, folder / "main.c", folder / "kernels.o"], check=True)
    return program
