"""Keeps the process alive when a mapped file is cut short: what is gone reads as zeros.

Without it, the next touch of such a page is a bus error, which ends the process and with it what
a person typed. That the file has changed, its owner finds out before it uses what was computed.
For Linux; elsewhere nothing is guarded.
"""

from __future__ import annotations

import ctypes
import mmap
import sys

import llvmlite.ir as ir

from .code import Code
from .values import I32, I64, Value, outside

ON_THIS_SYSTEM = sys.platform == "linux" and ctypes.sizeof(ctypes.c_void_p) == 8

MAX_MAPS = 64
"""As many are guarded at once; those beyond are not."""

SIGBUS = 7
WITH_INFO = 4
FAULT_ADDRESS = 16
"""Where the address stands in what such a handler is told (``siginfo_t``)."""

READ_ONLY = 1
PRIVATE, FIXED, ANONYMOUS, NO_RESERVE = 0x02, 0x10, 0x20, 0x4000

NOWHERE = 0
"""Where a map begins that isn't guarded any more; another may take its place in the table."""


def write_guard(module: ir.Module) -> None:
    """Write ``on_bus_error``, a handler of SIGBUS, and ``guard``, which gives it its table.

    The table has the address of what was done before at a SIGBUS, then the first address of every
    map and the one after its last, then two zeros. A fault in one of the maps puts zeros from
    there to its end; at any other the handler steps down, so that what was before gets it again.
    """
    table = ir.GlobalVariable(module, I64, "guarded")
    table.linkage, table.initializer = "internal", ir.Constant(I64, 0)
    c = Code(module, "guard", "table", local=False)
    c.builder.store(c.arguments[0].ir, table)
    c.done()
    c = Code(module, "on_bus_error", "signal", "info", "context", local=False)
    fault = c.load(I64, c.arguments[1] + FAULT_ADDRESS, align=8)
    head = Value(c.builder, c.builder.load(table))
    pair, met = c.variable(head + 8), c.variable(c.number(0))
    with c.loop_while(lambda: c.load(I64, pair.value + 8, align=8) > 0):
        start, stop = (c.load(I64, pair.value + at, align=8) for at in (0, 8))
        with c.when(fault > start - 1), c.when(fault < stop):
            at = _put_zeros(c, fault & -mmap.PAGESIZE, stop)
            with c.when(at > 0):
                met.value = c.number(1)
        pair.value = pair.value + 16
    with c.when(met.value < 1):
        before, none = c.load(I64, head, align=8), c.number(0)
        outside(c.builder, "sigaction", I32, c.constant(I32, SIGBUS), before, none)
    c.done()


def _put_zeros(c: Code, start: Value, stop: Value) -> Value:
    how = (READ_ONLY, PRIVATE | FIXED | ANONYMOUS | NO_RESERVE, -1)
    numbers = (c.constant(I32, n) for n in how)
    return outside(c.builder, "mmap", I64, start, stop - start, *numbers, c.number(0))


class _Action(ctypes.Structure):
    """glibc's ``struct sigaction`` on 64-bit machines."""

    _fields_ = [
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_char * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    ]


class BusGuard:
    """The maps of this process that are guarded; the handler is set with the first of them."""

    def __init__(self, guard: int, handler: int, code: object) -> None:
        """Take the addresses of both functions, and what keeps them in memory."""
        self._guard, self._handler, self._code = guard, handler, code
        self._before = _Action()
        self._table = (ctypes.c_int64 * (1 + 2 * (MAX_MAPS + 1)))()
        self._n = 0

    def protect(self, start: int, stop: int) -> None:
        """Guard a map from ``start`` to before ``stop``."""
        at = self._place_of(NOWHERE) or self._new_place()
        if at:
            self._table[at] = start
            self._table[at + 1] = stop  # last: from now on the handler looks at it

    def release(self, start: int) -> None:
        """Guard the map at ``start`` no more."""
        at = self._place_of(start)
        if at:
            self._table[at + 1] = 1  # first: no page lies before it
            self._table[at] = NOWHERE

    def _place_of(self, start: int) -> int | None:
        return next((at for at in range(1, 1 + 2 * self._n, 2) if self._table[at] == start), None)

    def _new_place(self) -> int | None:
        if not ON_THIS_SYSTEM or self._n == MAX_MAPS:
            return None
        if not self._n:
            self._set_handler()
        self._n += 1
        return 2 * self._n - 1

    def _set_handler(self) -> None:
        ctypes.CFUNCTYPE(None, ctypes.c_int64)(self._guard)(ctypes.addressof(self._table))
        self._table[0] = ctypes.addressof(self._before)
        action = _Action(handler=self._handler, flags=WITH_INFO)
        ctypes.CDLL(None).sigaction(SIGBUS, ctypes.byref(action), ctypes.byref(self._before))
        _SET.append(self)


_SET: list[BusGuard] = []
"""Those whose handler is set: they must stay for as long as the process."""
