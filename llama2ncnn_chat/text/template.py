"""Chat templates as data: a message to the token ids that put it before the model.

Knows no turns and no cache. Only a template's own control tokens become control tokens; whatever a
person types, ``<s>`` and ``[INST]`` included, is encoded as ordinary text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UsageError
from .vocabulary import Vocabulary


@dataclass(frozen=True)
class Template:
    """How turns are rendered.

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

    def first(self, vocabulary: Vocabulary, text: str, system: str) -> list[int]:
        """Ids of the message that begins a conversation, with its system prompt if there is one."""
        return self._render(vocabulary, self._first(system), {"{system}": system, "{user}": text})

    def next(self, vocabulary: Vocabulary, text: str) -> list[int]:
        """Ids of any later message."""
        return self._render(vocabulary, self.turn, {"{user}": text})

    def close(self, vocabulary: Vocabulary) -> list[int]:
        """Ids between a reply and the next message."""
        return self._render(vocabulary, self.after_reply, {})

    def first_opening(self, vocabulary: Vocabulary, system: str) -> list[int]:
        """Ids before the text of a first message: what stays when the oldest turns are dropped."""
        return self._render(vocabulary, _before_user(self._first(system)), {"{system}": system})

    def next_opening(self, vocabulary: Vocabulary) -> list[int]:
        """Ids before the text of any later message."""
        return self._render(vocabulary, _before_user(self.turn), {})

    def _first(self, system: str) -> str:
        return self.with_system if system else self.begin + self.turn

    def _render(self, vocabulary: Vocabulary, form: str, values: dict[str, str]) -> list[int]:
        """Split the form at its control tokens, then fill in what was typed, then encode."""
        names = ("<s>", "</s>", *self.controls)
        known = {name: i for name in names if (i := vocabulary.special(name)) is not None}
        marks = "|".join(map(re.escape, known))
        ids: list[int] = []
        begins_text = True
        for part in re.split(f"({marks})", form) if marks else [form]:
            if part in known:
                ids.append(known[part])
                begins_text = part == "<s>"
            elif part:
                text = re.sub(r"\{\w+\}", lambda m: values[m[0]], part)
                ids += vocabulary.encode(text, bos=False, prefix=begins_text)
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
