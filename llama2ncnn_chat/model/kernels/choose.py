"""Which kernels this process uses, if any: what the CPU has, and what a person says.

``LLAMA2NCNN_KERNELS`` names a kind (``avx512-vnni``, ``avx-vnni``, ``avx2``, ``portable``), or is
``off``; unset, it is the best that the CPU has. llvmlite is imported here, late: without it there
are none.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from ...errors import UsageError

if TYPE_CHECKING:
    from .build import Kernels

VARIABLE = "LLAMA2NCNN_KERNELS"


class NoKernelsError(Exception):
    """There are no kernels for this process; the message says why, and what to do."""


def kernels(ncnn_module: str) -> Kernels:
    """Build the kernels, once in a process; ``ncnn_module`` is the path of the ``ncnn`` package.

    Raises ``NoKernelsError``, and ``UsageError`` for a kind that isn't known or can't run here.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "off":
        raise NoKernelsError(f"{VARIABLE} is off")
    try:
        from .build import kinds_here
    except ModuleNotFoundError:
        raise NoKernelsError("llvmlite is missing: pip install llvmlite") from None
    except (ImportError, OSError) as e:
        raise NoKernelsError("llvmlite can't be loaded: is there too little memory?") from e
    kinds = kinds_here()
    if wanted and wanted not in kinds:
        raise UsageError(
            f"{VARIABLE} is {wanted!r}, which isn't a kind of kernels that this CPU can run",
            f"one of {', '.join((*kinds, 'off'))}",
        )
    return _built(wanted or kinds[0], ncnn_module)


@cache
def _built(kind: str, ncnn_module: str) -> Kernels:
    from .kept import kept_kernels
    from .team import find_pool

    return kept_kernels(kind, alone=not find_pool(ncnn_module))
