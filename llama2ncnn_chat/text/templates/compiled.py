"""A model's own template as data: what it writes around messages, found out by ``probing``.

As ``marked``, but whatever a message has around it stands in one text, so that no token is ever
cut. It knows no Jinja, no turns and no cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..vocabulary import Vocabulary
from .forms import before_user, encode_parts, split_at_controls
from .template import RefusedError, fields_of


@dataclass(frozen=True)
class CompiledTemplate:
    """Texts with ``{user}`` and ``{system}`` in them, for each place that a message can have.

    ``with_system`` is a first message's where there is a system prompt, ``first`` one's where there
    is none; ``later`` closes the reply before it too. ``ends`` are names of control tokens that end
    a reply. ``trims`` says which of "user" and "system" lose white space at their ends.
    ``refusal`` is what it says to a system prompt, if it takes none.
    """

    name: str
    first_form: str
    with_system: str
    later: str
    ends: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    trims: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def ignores_system(self) -> bool:
        """Whether a system prompt is left out without a word."""
        return not self.refusal and "{system}" not in self.with_system

    def first(self, vocabulary: Vocabulary, text: str, system: str) -> list[int]:
        """Return the ids of a conversation's first message, with any system prompt in it.

        Raises ``RefusedError`` where it takes none.
        """
        return self._render(vocabulary, self.form(system), text, system)

    def next(self, vocabulary: Vocabulary, text: str) -> list[int]:
        """Return the ids of any later message, and of what closes the reply before it."""
        return self._render(vocabulary, self.later, text, "", begins=False)

    def close(self, _vocabulary: Vocabulary) -> list[int]:
        """Return no ids: the next message's has what closes a reply."""
        return []

    def first_opening(self, vocabulary: Vocabulary, system: str) -> list[int]:
        """Return the ids before the text of a first message, which stay when turns are dropped."""
        return self._render(vocabulary, before_user(self.form(system)), "", system)

    def next_opening(self, vocabulary: Vocabulary) -> list[int]:
        """Return the ids before the text of any later message."""
        return self._render(vocabulary, before_user(self.later), "", "", begins=False)

    def to_dict(self) -> dict[str, Any]:
        """Return all that it says, in the types that JSON has."""
        return {"kind": "compiled", **fields_of(self)}

    def form(self, system: str) -> str:
        """Return the first message's form.

        Raises ``RefusedError`` for a system prompt where it takes none.
        """
        if system and self.refusal:
            raise RefusedError(self.refusal)
        return self.with_system if system else self.first_form

    def values(self, text: str, system: str) -> dict[str, str]:
        """Return what a form's marks stand for."""
        typed = {"user": text, "system": system}
        return {f"{{{k}}}": v.strip() if k in self.trims else v for k, v in typed.items()}

    def _render(
        self, vocabulary: Vocabulary, form: str, text: str, system: str, *, begins: bool = True
    ) -> list[int]:
        parts = split_at_controls(vocabulary, form)
        return encode_parts(vocabulary, parts, self.values(text, system), begins=begins)
