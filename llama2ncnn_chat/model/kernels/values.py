"""Numbers and vectors in registers: arithmetic on a ``Value`` writes the instruction for it.

With ``code`` the vocabulary that kernels are written in, over LLVM's IR. Knows no kernel, no CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import llvmlite.ir as ir

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
F32 = ir.FloatType()

CONTRACT = ("contract",)
"""Lets a product and a sum become one instruction, where the CPU has it."""

ANY_ORDER = ("reassoc", "nnan", "nsz", "contract")
"""Lets a sum over the lanes of a vector go in any order."""


def vector(kind: ir.Type, lanes: int) -> ir.VectorType:
    """Name the type of ``lanes`` numbers side by side."""
    return ir.VectorType(kind, lanes)


@dataclass(frozen=True, eq=False)
class Value:
    """A number or a vector in a register; operators write instructions where ``builder`` is."""

    builder: ir.IRBuilder
    ir: ir.Value

    @property
    def lanes(self) -> int:
        """How many numbers it is; 1 for a plain one."""
        return int(self.ir.type.count) if isinstance(self.ir.type, ir.VectorType) else 1

    @property
    def number(self) -> ir.Type:
        """The type of each of them."""
        return self.ir.type.element if isinstance(self.ir.type, ir.VectorType) else self.ir.type

    def __add__(self, other: Value | float) -> Value:
        return self._write("add", "fadd", other)

    def __sub__(self, other: Value | float) -> Value:
        return self._write("sub", "fsub", other)

    def __mul__(self, other: Value | float) -> Value:
        return self._write("mul", "fmul", other)

    def __truediv__(self, other: Value | float) -> Value:
        return self._write("", "fdiv", other)

    def __floordiv__(self, other: Value | int) -> Value:
        return self._write("udiv", "", other)

    def __mod__(self, other: Value | int) -> Value:
        return self._write("urem", "", other)

    def __and__(self, other: Value | int) -> Value:
        return self._write("and_", "", other)

    def __or__(self, other: Value | int) -> Value:
        return self._write("or_", "", other)

    def __xor__(self, other: Value | int) -> Value:
        return self._write("xor", "", other)

    def __lshift__(self, bits: int) -> Value:
        return self._write("shl", "", bits)

    def __rshift__(self, bits: int) -> Value:
        """Shift zeros in from above."""
        return self._write("lshr", "", bits)

    def __lt__(self, other: Value | float) -> Value:
        return self._compare("<", other)

    def __gt__(self, other: Value | float) -> Value:
        return self._compare(">", other)

    def equals(self, other: Value | float) -> Value:
        """Compare whole numbers."""
        return self._compare("==", other)

    def below(self, other: Value | float) -> Value:
        """Return the lesser of the two, lane by lane."""
        return self._pick("<", other)

    def above(self, other: Value | float) -> Value:
        """Return the greater of the two, lane by lane."""
        return self._pick(">", other)

    def to_float(self) -> Value:
        """Convert signed integers to float32."""
        return self._new(self.builder.sitofp(self.ir, self._as(F32)))

    def to_int(self) -> Value:
        """Convert float32 that are whole numbers to int32."""
        return self._new(self.builder.fptosi(self.ir, self._as(I32)))

    def narrow(self, number: ir.Type) -> Value:
        """Keep the low bits of integers."""
        return self._new(self.builder.trunc(self.ir, self._as(number)))

    def widen(self, number: ir.Type, *, signed: bool) -> Value:
        """Give integers more bits."""
        extend = self.builder.sext if signed else self.builder.zext
        return self._new(extend(self.ir, self._as(number)))

    def bits_as(self, kind: ir.Type) -> Value:
        """Take the same bits for another type of the same size."""
        return self._new(self.builder.bitcast(self.ir, kind))

    def half_to_float(self) -> Value:
        """Convert the bits of float16 to float32, by the CPU's own instruction."""
        halves = self.builder.bitcast(self.ir, self._as(ir.HalfType()))
        return self._new(self.builder.fpext(halves, self._as(F32)))

    def float_to_half(self) -> Value:
        """Convert float32 to the bits of float16, by the CPU's own instruction."""
        halves = self.builder.fptrunc(self.ir, self._as(ir.HalfType()))
        return self._new(self.builder.bitcast(halves, self._as(I16)))

    def splat(self, lanes: int) -> Value:
        """Repeat a number in every lane of a vector."""
        undefined = ir.Constant(vector(self.number, lanes), ir.Undefined)
        one = self.builder.insert_element(undefined, self.ir, ir.Constant(I32, 0))
        return self._new(one).lanes_of([0] * lanes)

    def lanes_of(self, order: list[int], other: Value | None = None) -> Value:
        """Pick lanes by number, those of ``other`` counted on."""
        second = other.ir if other else ir.Constant(self.ir.type, ir.Undefined)
        mask = ir.Constant(vector(I32, len(order)), order)
        return self._new(self.builder.shuffle_vector(self.ir, second, mask))

    def sum(self) -> Value:
        """Add up the lanes."""
        if self.number == F32:
            zero = constant(self.builder, F32, -0.0)
            return intrinsic("vector.reduce.fadd", F32, zero, self, flags=ANY_ORDER)
        return intrinsic("vector.reduce.add", self.number, self)

    def greatest(self) -> Value:
        """Find the greatest of the lanes."""
        return intrinsic("vector.reduce.fmax", F32, self, flags=("nnan",))

    def magnitude(self) -> Value:
        """Drop the signs of floats."""
        return intrinsic("fabs", self.ir.type, self)

    def square_root(self) -> Value:
        """Take the square root of floats."""
        return intrinsic("sqrt", self.ir.type, self)

    @property
    def integers(self) -> ir.Type:
        """The type of as many 32-bit integers."""
        return self._as(I32)

    def like(self, other: Value | float) -> Value:
        """Take a value as it is, or write a number of this one's type."""
        return other if isinstance(other, Value) else constant(self.builder, self.ir.type, other)

    def _as(self, number: ir.Type) -> ir.Type:
        return vector(number, self.lanes) if isinstance(self.ir.type, ir.VectorType) else number

    def _new(self, value: ir.Value) -> Value:
        return Value(self.builder, value)

    def _write(self, whole: str, floating: str, other: Value | float) -> Value:
        second = self.like(other).ir
        if self.number == F32:
            return self._new(getattr(self.builder, floating)(self.ir, second, flags=CONTRACT))
        return self._new(getattr(self.builder, whole)(self.ir, second))

    def _compare(self, sign: str, other: Value | float) -> Value:
        floats = self.number == F32
        compare = self.builder.fcmp_ordered if floats else self.builder.icmp_signed
        return self._new(compare(sign, self.ir, self.like(other).ir))

    def _pick(self, sign: str, other: Value | float) -> Value:
        second = self.like(other)
        chosen = self.builder.select(self._compare(sign, second).ir, self.ir, second.ir)
        return self._new(chosen)


def constant(builder: ir.IRBuilder, kind: ir.Type, number: float) -> Value:
    """Write a number, the same in every lane of a vector."""
    lanes = isinstance(kind, ir.VectorType)
    return Value(builder, ir.Constant(kind, [number] * kind.count if lanes else number))


def outside(
    builder: ir.IRBuilder,
    name: str,
    returns: ir.Type,
    *arguments: Value,
    flags: tuple[str, ...] = (),
) -> Value:
    """Call a function of the process, or of LLVM, by its full name."""
    kind = ir.FunctionType(returns, [a.ir.type for a in arguments])
    function = declared(builder.module, name, kind)
    return Value(builder, builder.call(function, [a.ir for a in arguments], fastmath=flags))


def intrinsic(name: str, returns: ir.Type, *arguments: Value, flags: tuple[str, ...] = ()) -> Value:
    """Call ``llvm.NAME`` for the type of its last argument."""
    last = arguments[-1]
    number = "f32" if last.number == F32 else f"i{last.number.width}"
    suffix = f"v{last.lanes}{number}" if last.lanes > 1 else number
    return outside(last.builder, f"llvm.{name}.{suffix}", returns, *arguments, flags=flags)


def together(values: list[Value], register: str) -> list[Value]:
    """Have two values or more ready at one place, in registers that LLVM names by a letter.

    What comes after can't be begun before, nor what is before be put off: LLVM orders instructions
    as it likes otherwise, and keeps in memory what it has no register for.
    """
    builder, kinds = values[0].builder, [value.ir.type for value in values]
    returns = ir.LiteralStructType(kinds)
    constraint = ",".join([f"={register}"] * len(values) + [str(i) for i in range(len(values))])
    nothing = ir.InlineAsm(ir.FunctionType(returns, kinds), "", constraint)
    kept = builder.call(nothing, [value.ir for value in values])
    return [Value(builder, builder.extract_value(kept, i)) for i in range(len(values))]


def declared(module: ir.Module, name: str, kind: ir.FunctionType) -> ir.Function:
    """Find a function of a module, or declare one that stands elsewhere."""
    return module.globals.get(name) or ir.Function(module, kind, name)
