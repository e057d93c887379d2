"""What a person states of a model because its files don't, or say it wrongly.

llama2.c's headers have no place for the norms' epsilon, nor, but for v0's tables, for theta.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .errors import ConvertError
from .sources.source import TensorSource


@dataclass(frozen=True)
class Stated:
    """Goes before what a source says of itself; None is as it says."""

    rope_theta: float | None = None
    norm_eps: float | None = None

    @property
    def key(self) -> str:
        """Name it in the key of a conversion; nothing where nothing is stated."""
        theta = "" if self.rope_theta is None else f"-theta{self.rope_theta!r}"
        return theta + ("" if self.norm_eps is None else f"-eps{self.norm_eps!r}")

    def apply_to(self, source: TensorSource) -> None:
        """Let the source say so too. Raises ``ConvertError`` for what makes no sense."""
        shape = source.shape
        if self.rope_theta is not None:
            shape = replace(shape, rope=replace(shape.rope, theta=self.rope_theta))
        if self.norm_eps is not None:
            shape = replace(shape, norm_eps=self.norm_eps)
        if problems := shape.problems():
            raise ConvertError(
                f"{source.path}: {problems[0]}", "--rope-theta or --norm-eps says so"
            )
        source.shape = shape


NOTHING_STATED = Stated()
