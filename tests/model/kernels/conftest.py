"""Kernels of every kind that this CPU can run."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.model.kernels.build import KINDS, Kernels, build, kinds_here
from llama2ncnn_chat.model.kernels.team import find_pool
from llama2ncnn_chat.model.ncnn_memory import ncnn


@pytest.fixture(scope="module", params=KINDS)
def kernels(request: pytest.FixtureRequest) -> Kernels:
    if request.param not in kinds_here():
        pytest.skip(f"this CPU has no {request.param}")
    return build(request.param, alone=not find_pool(ncnn.__file__))
