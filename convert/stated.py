"""What a person states of a model because its files don't, or say it wrongly.

llama2.c's headers have no place for the norms' epsilon, nor, but for v0's tables, for theta, and
none says in which order the numbers of a head stand.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from .errors import ConvertError
from .rope import ORDERS

if TYPE_CHECKING:  # what is stated is known before there is anything to read
    from .sources.source import TensorSource

AUTO = "auto"
ROPE_ORDERS = (AUTO, *ORDERS)

OTHER_ORDER = (
    "the heads of wq and wk are in the order of Hugging Face: a text makes sense by halves, not "
    "interleaved"
)
"""What to say where a text has settled that an order that nobody stated isn't the usual one."""


@dataclass(frozen=True)
class Stated:
    """Goes before what a source says of itself; None and ``AUTO`` are as it says."""

    rope_theta: float | None = None
    norm_eps: float | None = None
    rope_order: str = AUTO

    @property
    def key(self) -> str:
        """Name it in the key of a conversion; nothing where nothing is stated."""
        theta = "" if self.rope_theta is None else f"-theta{self.rope_theta!r}"
        eps = "" if self.norm_eps is None else f"-eps{self.norm_eps!r}"
        return theta + eps + ("" if self.rope_order == AUTO else f"-{self.rope_order}")

    @property
    def values(self) -> dict[str, Any]:
        """Return what is stated, by its name."""
        usual = asdict(NOTHING_STATED)
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def text(self) -> str:
        """Write it as a text that ``stated_of`` reads; empty where nothing is stated."""
        return json.dumps(self.values) if self.values else ""

    def leaves_order_open(self, source: TensorSource) -> bool:
        """Tell whether neither the person nor the source says how the numbers of a head pair."""
        return self.rope_order == AUTO and not source.says_rope_order

    def apply_to(self, source: TensorSource) -> None:
        """Let the source say so too. Raises ``ConvertError`` for what makes no sense."""
        shape = source.shape
        if self.rope_theta is not None:
            shape = replace(shape, rope=replace(shape.rope, theta=self.rope_theta))
        if self.norm_eps is not None:
            shape = replace(shape, norm_eps=self.norm_eps)
        if self.rope_order != AUTO:
            if source.says_rope_order:
                raise ConvertError(
                    f"{source.path}: {source.format} settles the order of heads itself",
                    "leave out --rope-order, which is for llama2.c checkpoints",
                )
            shape = replace(shape, rope=shape.rope.in_order(self.rope_order))
        if problems := shape.problems():
            raise ConvertError(
                f"{source.path}: {problems[0]}", "--rope-theta or --norm-eps says so"
            )
        source.shape = shape


NOTHING_STATED = Stated()


def stated_of(text: str) -> Stated:
    """Read what ``Stated.text`` wrote; what this version doesn't know is left out."""
    try:
        values = json.loads(text or "{}")
    except ValueError:
        return NOTHING_STATED
    known = values if isinstance(values, dict) else {}
    theta, eps, order = (known.get(name) for name in asdict(NOTHING_STATED))
    return Stated(
        theta if isinstance(theta, float) else None,
        eps if isinstance(eps, float) else None,
        order if order in ROPE_ORDERS else AUTO,
    )
