"""The portable kernels as an ARM program, which qemu runs, against float64.

Skipped where there is no emulator, or no cross compiler to link the program.
"""

from __future__ import annotations

import shutil
import subprocess
from ctypes import sizeof
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from llama2ncnn_chat.model.kernels.build import KINDS, write
from llama2ncnn_chat.model.kernels.tables import Layers
from tests.model.kernels.layer import Array, Heads, RandomLayer
from tests.model.kernels.reference import close

LINKER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
ROOT = "/usr/aarch64-linux-gnu"
TRIPLE = "aarch64-unknown-linux-gnu"

BASE, SIZE = 1 << 40, 1 << 22
PROGRAM = f"""
#include <stdio.h>
#include <sys/mman.h>
void layers(long table, long threads);
int main(void) {{
  char *image = mmap((void *){BASE}L, {SIZE}, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  fread(image, 1, {SIZE}, stdin);
  layers((long)image, 1);
  fwrite(image, 1, {SIZE}, stdout);
  return 0;
}}
"""


class Image:
    """The memory of the program, at the addresses that it will have there."""

    def __init__(self, room: int) -> None:
        self.bytes, self._end = np.zeros(SIZE, np.uint8), room

    def put(self, array: Array) -> int:
        """Put an array on a cache line of its own; returns its address."""
        at = self._end + -self._end % 64
        raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        self.bytes[at : at + raw.size] = raw
        self._end = at + raw.size
        return BASE + at

    def take(self, address: int, into: Array) -> None:
        """Copy what stands at an address into an array."""
        raw = self.bytes[address - BASE :][: into.nbytes]
        into[:] = raw.view(into.dtype).reshape(into.shape)


@pytest.mark.parametrize("kind", [Heads(), Heads(normed=True, interleaved=False, window=3)])
def test_an_arm_program_computes_the_same(tmp_path: Path, kind: Heads) -> None:
    for tool in (LINKER, EMULATOR):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    layer = RandomLayer(5, kind, KINDS["portable"][0])
    inputs = layer.inputs(5)
    att, out = (np.zeros((5, n), np.float32) for n in (layer.q_dim, layer.dim))
    image = Image(sizeof(Layers))
    table, of_layer = layer.tables(image.put, inputs, (att, out))
    image.bytes[: sizeof(table)] = np.frombuffer(bytes(table), np.uint8)
    command = [EMULATOR, "-L", ROOT, str(_linked(tmp_path))]
    ran = subprocess.run(command, input=image.bytes.tobytes(), capture_output=True, check=True)
    image.bytes = np.frombuffer(ran.stdout, np.uint8)
    a = of_layer.attention
    for address, array in ((a.keys, layer.keys), (a.values, layer.values), (a.out, att)):
        image.take(address, array)
    image.take(table.out, out)
    layer.position = 5
    close(att, layer.attention(layer.projected(*inputs)[0]))
    close(out, layer.rest(att, inputs[0]))


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
