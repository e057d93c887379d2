"""Chat templates as data: texts with marks in them, where messages and control tokens go.

Only a template's own control tokens become control tokens; whatever a person types, ``<s>`` and
``[INST]`` included, is encoded as ordinary text. It knows no turns, no cache and no storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import UsageError
from ..vocabulary import Vocabulary
from .forms import before_user, encode_parts, split_at
from .template import TurnByTurn, fields_of


@dataclass(frozen=True)
class MarkedTemplate:
    """A template whose turns are texts with ``{user}`` and ``{system}`` in them.

    ``with_system`` renders the first message where there is a system prompt, ``turn`` every other
    one, the first after ``begin``; ``after_reply`` closes a reply before the next message.
    ``<s>``, ``</s>`` and the names in ``controls`` stand for single tokens where the vocabulary has
    them.
    """

    name: str
    with_system: str
    turn: str
    after_reply: str
    begin: str = ""
    controls: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()

    @property
    def ends(self) -> tuple[str, ...]:
        """Return the names of control tokens that end a reply."""
        return tuple(n for n in ("</s>", *self.controls) if n in self.after_reply)

    def first(self, vocabulary: Vocabulary, text: str, system: str) -> list[int]:
        """Return the ids of a conversation's first message, with any system prompt in it."""
        return self._render(vocabulary, self._first(system), {"{system}": system, "{user}": text})

    def next(self, vocabulary: Vocabulary, text: str) -> list[int]:
        """Return the ids of any later message."""
        return self._render(vocabulary, self.turn, {"{user}": text})

    def close(self, vocabulary: Vocabulary) -> list[int]:
        """Return the ids between a reply and the next message."""
        return self._render(vocabulary, self.after_reply, {})

    def first_opening(self, vocabulary: Vocabulary, system: str) -> list[int]:
        """Return the ids before the text of a first message, which stay when turns are dropped."""
        return self._render(vocabulary, before_user(self._first(system)), {"{system}": system})

    def next_opening(self, vocabulary: Vocabulary) -> list[int]:
        """Return the ids before the text of any later message."""
        return self._render(vocabulary, before_user(self.turn), {})

    def to_dict(self) -> dict[str, Any]:
        """Return all that it says, in the types that JSON has."""
        return fields_of(self)

    def _first(self, system: str) -> str:
        return self.with_system if system else self.begin + self.turn

    def _render(self, vocabulary: Vocabulary, form: str, values: dict[str, str]) -> list[int]:
        """Split the form at its control tokens, then fill in what was typed, then encode."""
        parts = split_at(("<s>", "</s>", *self.controls), vocabulary, form)
        return encode_parts(vocabulary, parts, values, bos="<s>")


LLAMA3_CONTROLS = (
    *("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"),
    *("<|start_header_id|>", "<|end_header_id|>"),
)

TEMPLATES: dict[str, TurnByTurn] = {
    template.name: template
    for template in (
        # llama/generation.py of Meta's reference implementation: BOS before every pair, the system
        # prompt inside the first message, EOS after every reply.
        MarkedTemplate(
            "llama2",
            with_system="<s>[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{user} [/INST]",
            turn="<s>[INST] {user} [/INST]",
            after_reply="</s>",
        ),
        MarkedTemplate(
            "zephyr",  # TinyLlama-1.1B-Chat
            with_system="<s><|system|>\n{system}</s>\n<|user|>\n{user}</s>\n<|assistant|>\n",
            turn="<|user|>\n{user}</s>\n<|assistant|>\n",
            after_reply="</s>\n",
            begin="<s>",
            stops=("<|user|>",),
        ),
        MarkedTemplate(
            "chatml",
            with_system="<s><|im_start|>system\n{system}<|im_end|>\n"
            "<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n",
            turn="<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n",
            after_reply="<|im_end|>\n",
            begin="<s>",
            controls=("<|im_start|>", "<|im_end|>"),
            stops=("<|im_end|>", "<|im_start|>"),
        ),
        # llama_models/llama3/chat_format.py of Meta's: a header, a blank line, the text, its end.
        MarkedTemplate(
            "llama3",
            with_system="<|begin_of_text|>"
            "<|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n{user}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            turn="<|start_header_id|>user<|end_header_id|>\n\n{user}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            after_reply="<|eot_id|>",
            begin="<|begin_of_text|>",
            controls=LLAMA3_CONTROLS,
            stops=("<|eot_id|>", "<|start_header_id|>"),
        ),
        # No template: every message begins a text that the model goes on with.
        MarkedTemplate(
            "plain", with_system="<s>{system}\n{user}", turn="<s>{user}", after_reply="</s>"
        ),
    )
}


def template_of(name: str) -> TurnByTurn:
    """Return the built-in template of that name. Raises ``UsageError``."""
    if name not in TEMPLATES:
        raise UsageError(f"no template {name!r}", f"one of {', '.join(TEMPLATES)}")
    return TEMPLATES[name]
