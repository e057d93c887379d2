"""Chat templates as data: a message to the token ids that put it before the model.

Knows no turns and no cache. Only a template's own control tokens become control tokens; whatever a
person types, ``<s>`` and ``[INST]`` included, is encoded as ordinary text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from ..errors import UsageError


class Encoder(Protocol):
    """What a template needs of a tokenizer."""

    @property
    def bos_id(self) -> int: ...

    @property
    def eos_id(self) -> int: ...

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True) -> list[int]: ...

    def find(self, piece: str) -> int | None: ...


@dataclass(frozen=True)
class Template:
    """How turns are rendered.

    ``with_system`` renders the first message where there is a system prompt, ``turn`` every other
    one, the first after ``begin``; ``after_reply`` closes a reply before the next message.
    ``controls`` are names in them that stand for single tokens where the vocabulary has them;
    ``<s>`` and ``</s>`` always do.
    """

    name: str
    with_system: str
    turn: str
    after_reply: str
    begin: str = ""
    controls: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()

    def first(self, tokenizer: Encoder, text: str, system: str) -> list[int]:
        """Ids of the message that begins a conversation, with its system prompt if there is one."""
        return self._render(tokenizer, self._first(system), {"{system}": system, "{user}": text})

    def next(self, tokenizer: Encoder, text: str) -> list[int]:
        """Ids of any later message."""
        return self._render(tokenizer, self.turn, {"{user}": text})

    def close(self, tokenizer: Encoder) -> list[int]:
        """Ids between a reply and the next message."""
        return self._render(tokenizer, self.after_reply, {})

    def first_opening(self, tokenizer: Encoder, system: str) -> list[int]:
        """Ids before the text of a first message: what stays when the oldest turns are dropped."""
        return self._render(tokenizer, _before_user(self._first(system)), {"{system}": system})

    def next_opening(self, tokenizer: Encoder) -> list[int]:
        """Ids before the text of any later message."""
        return self._render(tokenizer, _before_user(self.turn), {})

    def _first(self, system: str) -> str:
        return self.with_system if system else self.begin + self.turn

    def _render(self, tokenizer: Encoder, form: str, values: dict[str, str]) -> list[int]:
        """Split the form at its control tokens, then fill in what was typed, then encode."""
        known = {"<s>": tokenizer.bos_id, "</s>": tokenizer.eos_id}
        known |= {c: i for c in self.controls if (i := tokenizer.find(c)) is not None}
        ids: list[int] = []
        begins_text = True
        for part in re.split(f"({'|'.join(map(re.escape, known))})", form):
            if part in known:
                ids.append(known[part])
                begins_text = part == "<s>"
            elif part:
                text = re.sub(r"\{\w+\}", lambda m: values[m[0]], part)
                ids += tokenizer.encode(text, bos=False, prefix=begins_text)
                begins_text = False
        return ids


def _before_user(form: str) -> str:
    # Without the space that the text's own first token begins with.
    return form.partition("{user}")[0].removesuffix(" ")


TEMPLATES = {
    template.name: template
    for template in (
        # llama/generation.py of Meta's reference implementation: BOS before every pair, the system
        # prompt inside the first message, EOS after every reply.
        Template(
            "llama2",
            with_system="<s>[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{user} [/INST]",
            turn="<s>[INST] {user} [/INST]",
            after_reply="</s>",
        ),
        Template(
            "zephyr",  # TinyLlama-1.1B-Chat
            with_system="<s><|system|>\n{system}</s>\n<|user|>\n{user}</s>\n<|assistant|>\n",
            turn="<|user|>\n{user}</s>\n<|assistant|>\n",
            after_reply="</s>\n",
            begin="<s>",
            stops=("<|user|>",),
        ),
        Template(
            "chatml",
            with_system="<s><|im_start|>system\n{system}<|im_end|>\n"
            "<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n",
            turn="<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n",
            after_reply="<|im_end|>\n",
            begin="<s>",
            controls=("<|im_start|>", "<|im_end|>"),
            stops=("<|im_end|>", "<|im_start|>"),
        ),
        # No template: every message begins a text that the model goes on with.
        Template("plain", with_system="<s>{system}\n{user}", turn="<s>{user}", after_reply="</s>"),
    )
}


def template_of(name: str) -> Template:
    """The template of that name. Raises ``UsageError``."""
    if name not in TEMPLATES:
        raise UsageError(f"no template {name!r}", f"one of {', '.join(TEMPLATES)}")
    return TEMPLATES[name]
