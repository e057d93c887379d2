"""The kernels as machine code: written for a kind of CPU and compiled."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import CFUNCTYPE, c_int64
from dataclasses import dataclass, field

import llvmlite.binding as llvm
import llvmlite.ir as ir

from .activations import write_quantise
from .cpus import Avx2, Cpu, Portable, Tile, Vnni
from .guard import BusGuard, write_guard
from .layers import write_gated, write_head, write_layers, write_product
from .panels import write_tile

Entry = Callable[[int, int], None]
"""A kernel: takes the address of its table and a number of threads."""

KINDS: dict[str, tuple[Cpu, tuple[str, ...]]] = {
    "avx512-vnni": (
        Vnni((Tile(2, 8), Tile(2, 4), Tile(1, 1)), lanes=16, queries=(8, 4, 1)),
        ("avx512vnni", "avx512vl", "avx512bw", "f16c"),
    ),
    "avx-vnni": (
        Vnni((Tile(1, 4), Tile(1, 1)), lanes=8, queries=(4, 1)),
        ("avxvnni", "avx2", "fma", "f16c"),
    ),
    "avx2": (Avx2(), ("avx2", "fma", "f16c")),
    "portable": (Portable(), ()),
}
"""Every kind, the best first, and the features that a CPU needs for it."""

FOREIGN = {"avx-vnni": "avx512", "avx2": "avx512", "portable": "avx"}
"""Features whose names begin so are left to better kinds."""


@dataclass(frozen=True)
class Kernels:
    """The kernels of a process, ready to be called, and the ``cpu`` that they are written for.

    ``notes`` are to be said once, by whoever takes them.
    """

    kind: str
    cpu: Cpu
    layers: Entry
    head: Entry
    guard: BusGuard
    notes: list[str] = field(default_factory=list, compare=False)


def kinds_here() -> list[str]:
    """List the kinds that this CPU has the features for, the best first."""
    features = llvm.get_host_cpu_features()
    return [name for name, (_, needed) in KINDS.items() if all(features.get(f) for f in needed)]


def build(kind: str, *, alone: bool) -> Kernels:
    """Compile and load the kernels for a kind of CPU; ``alone`` where there are no threads."""
    return load(kind, compile_object(kind, alone=alone))


def compile_object(kind: str, *, alone: bool) -> bytes:
    """Compile the kernels for a kind of CPU to an object file, which ``load`` takes."""
    machine = _machine(kind)
    module = llvm.parse_assembly(str(write(KINDS[kind][0], alone=alone)))
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return bytes(machine.emit_object(module))


def load(kind: str, code: bytes) -> Kernels:
    """Load an object file of ``compile_object`` into this process."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(kind))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    signature = CFUNCTYPE(None, c_int64, c_int64)
    entries = []
    for name in ("layers", "head"):
        entry = signature(engine.get_function_address(name))
        entry.code = engine  # type: ignore[attr-defined] # freed with the last of its functions
        entries.append(entry)
    layers, head = entries
    guard, handler = map(engine.get_function_address, ("guard", "on_bus_error"))
    cpu, _ = KINDS[kind]
    return Kernels(kind, cpu, layers, head, BusGuard(guard, handler, engine))


def machine_name(kind: str) -> str:
    """Name all that compiled code depends on besides its source."""
    return f"{llvm.llvm_version_info} {llvm.get_host_cpu_name()} {kind} {_features(kind)}"


def write(cpu: Cpu, *, alone: bool) -> ir.Module:
    """Write all kernels for a kind of CPU as one LLVM module."""
    module = ir.Module("kernels")
    module.triple = llvm.get_process_triple()
    for bits in (8, 4):
        for tile in cpu.tiles:
            write_tile(module, cpu, bits, tile)
    write_quantise(module)
    write_product(module, cpu)
    write_gated(module, cpu)
    write_layers(module, cpu, alone=alone)
    write_head(module, alone=alone)
    write_guard(module)
    return module


def _machine(kind: str) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu = "" if kind == "portable" else llvm.get_host_cpu_name()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=_features(kind), opt=3)


def _features(kind: str) -> str:
    features = llvm.get_host_cpu_features()
    foreign = FOREIGN.get(kind)
    if foreign is None:
        return str(features.flatten())
    return ",".join(
        ("+" if on and not name.startswith(foreign) else "-") + name
        for name, on in features.items()
    )
