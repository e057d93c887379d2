"""Functions of kernels as they are written: arguments, variables, loops, choices and memory.

With ``values`` the vocabulary that kernels are written in, over LLVM's IR. Knows no kernel, no CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import Structure, c_float
from types import SimpleNamespace
from typing import Any

import llvmlite.ir as ir

from .values import F32, I8, I32, I64, Value, constant, declared


class Variable:
    """A value that changes as the code runs, as in a loop."""

    def __init__(self, code: Code, start: Value) -> None:
        self._code = code
        # At the top of the function: there LLVM turns it into a register.
        with code.builder.goto_entry_block():
            self._slot = code.builder.alloca(start.ir.type)
        self.value = start

    @property
    def value(self) -> Value:
        """What it holds at this point of the code."""
        return Value(self._code.builder, self._code.builder.load(self._slot))

    @value.setter
    def value(self, new: Value) -> None:
        self._code.builder.store(new.ir, self._slot)


class Code:
    """A function in the making; its arguments are 64-bit integers: addresses and counts."""

    def __init__(self, module: ir.Module, name: str, *arguments: str, local: bool = True) -> None:
        """Begin ``name`` in ``module``; one that isn't ``local`` can be called from outside."""
        kind = ir.FunctionType(ir.VoidType(), [I64] * len(arguments))
        self.module, self.name = module, name
        self._function = ir.Function(module, kind, name)
        if local:
            self._function.linkage = "internal"
            # Several copies of a long loop gain nothing and take long to compile.
            self._function.attributes.add("noinline")
        self.builder = ir.IRBuilder(self._function.append_basic_block("entry"))
        # Its own block, so that variables can be put before all else.
        body = self._function.append_basic_block("body")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        self.arguments = [Value(self.builder, argument) for argument in self._function.args]

    def done(self) -> None:
        """End the function here."""
        self.builder.ret_void()

    def constant(self, kind: ir.Type, number: float) -> Value:
        """Write a number, the same in every lane of a vector."""
        return constant(self.builder, kind, number)

    def number(self, value: Value | int) -> Value:
        """Take a count or an address as it is, or write it."""
        return value if isinstance(value, Value) else self.constant(I64, value)

    def zeros(self, kind: ir.Type) -> Value:
        """Write zeros."""
        return self.constant(kind, 0)

    def variable(self, start: Value) -> Variable:
        """Begin a value that changes."""
        return Variable(self, start)

    def pick(self, condition: Value, this: Value, that: Value) -> Value:
        """Take ``this`` where the condition holds, else ``that``."""
        return Value(self.builder, self.builder.select(condition.ir, this.ir, that.ir))

    def load(self, kind: ir.Type, address: Value, align: int = 1) -> Value:
        """Read a number or a vector; ``align`` is what the address is a multiple of."""
        return Value(self.builder, self.builder.load(self._at(kind, address), align=align))

    def store(self, value: Value, address: Value, align: int = 1) -> None:
        """Write a number or a vector to memory."""
        self.builder.store(value.ir, self._at(value.ir.type, address), align=align)

    def prefetch(self, address: Value) -> None:
        """Ask for the cache line at an address, soon."""
        pointer = self._at(I8, address)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, I32, I32, I32])
        name = "llvm.prefetch.p0"
        function = declared(self.module, name, kind)
        read, keep, data = (ir.Constant(I32, n) for n in (0, 3, 1))
        self.builder.call(function, [pointer, read, keep, data])

    def buffer(self, kind: ir.Type) -> Value:
        """Set memory for one ``kind`` aside on the stack; returns its address."""
        with self.builder.goto_entry_block():
            slot = self.builder.alloca(kind)
            slot.align = 64
            return Value(self.builder, self.builder.ptrtoint(slot, I64))

    def read(self, kind: type[Structure], address: Value) -> SimpleNamespace:
        """Read a structure: integers, floats and structures inside, each by its name."""
        values: dict[str, Value | SimpleNamespace] = {}
        for name, field, *_ in kind._fields_:
            at = address + getattr(kind, name).offset
            if issubclass(field, Structure):
                values[name] = self.read(field, at)
            else:
                values[name] = self.load(F32 if field is c_float else I64, at, align=4)
        return SimpleNamespace(**values)

    @contextmanager
    def loop(self, start: Value | int, stop: Value | int, step: Value | int = 1) -> Iterator[Value]:
        """Repeat what is written inside for every ``step``th number from ``start`` to ``stop``."""
        index = self.variable(self.number(start))
        with self.loop_while(lambda: index.value < self.number(stop)):
            now = index.value
            yield now
            index.value = now + step

    @contextmanager
    def loop_while(self, condition: Callable[[], Value]) -> Iterator[None]:
        """Repeat what is written inside for as long as ``condition()``, which is asked before."""
        test, body, after = (self._function.append_basic_block(n) for n in ("test", "do", "after"))
        self.builder.branch(test)
        self.builder.position_at_end(test)
        self.builder.cbranch(condition().ir, body, after)
        self.builder.position_at_end(body)
        yield
        self.builder.branch(test)
        self.builder.position_at_end(after)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Run what is written inside where the condition holds."""
        with self.builder.if_then(condition.ir):
            yield

    @contextmanager
    def choose(self, condition: Value) -> Iterator[tuple[Any, Any]]:
        """Run what is written inside the first of the two where it holds, else the second."""
        with self.builder.if_else(condition.ir) as both:
            yield both

    def call(self, name: str, *arguments: Value) -> None:
        """Call a function of this module."""
        self.builder.call(self.module.globals[name], [a.ir for a in arguments])

    def _at(self, kind: ir.Type, address: Value) -> ir.Value:
        return self.builder.inttoptr(address.ir, kind.as_pointer())
