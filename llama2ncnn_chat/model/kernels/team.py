"""The threads that run a kernel: each takes a share, and waits for the others at a barrier.

They are those of ncnn's own OpenMP, so that there is one pool, which spins or sleeps as one.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import llvmlite.binding as llvm
import llvmlite.ir as ir

from .code import Code
from .values import I32, I64, Value, declared, outside

SYMBOLS = ("omp_get_thread_num", "omp_get_num_threads", "GOMP_parallel", "GOMP_barrier")


class Team:
    """The threads of the region that a kernel's code runs in."""

    def __init__(self, c: Code, *, alone: bool) -> None:
        """Ask who this thread is; ``alone`` where there is no pool."""
        self._builder, self._alone = c.builder, alone
        if alone:
            self.thread, self.threads = c.constant(I64, 0), c.constant(I64, 1)
        else:
            ask = (outside(c.builder, name, I32) for name in SYMBOLS[:2])
            self.thread, self.threads = (number.widen(I64, signed=False) for number in ask)

    def share(self, n: Value) -> tuple[Value, Value]:
        """Return the first and the last but one of this thread's part of ``n`` things."""
        first = n * self.thread // self.threads
        return first, n * (self.thread + 1) // self.threads

    def wait(self) -> None:
        """Go on when all threads are here."""
        if not self._alone:
            outside(self._builder, "GOMP_barrier", ir.VoidType())


def write_entry(module: ir.Module, work: str, name: str, *, alone: bool) -> None:
    """Write ``name(table, threads)``, which runs ``work(table)`` on that many threads."""
    c = Code(module, name, "table", "threads", local=False)
    table, threads = c.arguments
    if alone:
        c.call(work, table)
    else:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, I32, I32])
        parallel = declared(module, "GOMP_parallel", kind)
        data = c.builder.inttoptr(table.ir, pointer)
        function = c.builder.bitcast(module.globals[work], pointer)
        flags = ir.Constant(I32, 0)
        c.builder.call(parallel, [function, data, threads.narrow(I32).ir, flags])
    c.done()


def find_pool(ncnn_module: str) -> bool:
    """Make the OpenMP that the ``ncnn`` wheel brings known to LLVM; returns whether there is one.

    ``ncnn_module`` is the path of the package's ``__init__``. The library must be loaded already.
    """
    home = Path(ncnn_module).parent.parent / "ncnn.libs"
    for path in sorted(home.glob("lib*omp*")):
        library = ctypes.CDLL(str(path))
        if all(hasattr(library, name) for name in SYMBOLS):
            for name in SYMBOLS:
                address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
                llvm.add_symbol(name, address)
            return True
    return False
