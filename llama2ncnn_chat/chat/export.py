"""Writes a conversation to a file for people or programs: Markdown, JSON, or JSON lines.

Asks nothing: a file that is there is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..atomic import replacing
from ..conversation.beginning import begun_words
from ..conversation.ledger import Turn
from ..conversation.rows import tokens_of
from ..errors import ChatError
from .chat import Chat
from .logprobs import Logprobs

MAX_NAME = 60
"""Characters of a session's name that become one of a file, whose bytes are at most 255."""


def export(chat: Chat, path: Path) -> int:
    """Write the conversation in the format of the path's suffix; returns the bytes written.

    The suffix must be one of ``FORMATS``. Raises ``ChatError``, and then there is no half file.
    """
    # A lone surrogate (a byte that was no UTF-8) has no place in a file.
    data = FORMATS[path.suffix.lower()](chat).encode("utf-8", "replace")
    try:
        with replacing(path) as beside:
            beside.write_bytes(data)
    except OSError as e:
        raise ChatError(f"{path}: can't write: {e.strerror}") from e
    except ValueError as e:  # a NUL in the name
        raise ChatError(f"{str(path)!r}: not a file name: {e}") from e
    return len(data)


def n_unknown(chat: Chat, path: Path) -> int:
    """Count the replies of which a file of that suffix lacks the tokens' probabilities."""
    if chat.settings.logprobs is None or FORMATS[path.suffix.lower()] is _markdown:
        return 0
    replies = (turn for turn in chat.session.ledger.path() if turn.role == "assistant")
    return sum(not tokens_of(reply).are_known for reply in replies)


def default_name(chat: Chat) -> str:
    """Return a file name made of the session's name or number."""
    name = re.sub(r"[^\w.-]+", "-", chat.name)[:MAX_NAME].strip("-.")
    return f"{name or f'chat-{chat.session_id or 0}'}.md"


def _markdown(chat: Chat) -> str:
    parts = [f"# {chat.name or 'Conversation'}", f"*{chat.model.short}*"]
    if chat.settings.system:
        parts += ["## System", chat.settings.system]
    for turn in chat.session.ledger.path():
        parts.append("## You" if turn.role == "user" else "## Assistant")
        parts += [turn.text.strip()] if turn.role == "user" else _reply(chat, turn)
        if turn.is_partial:
            parts.append(f"*({turn.finish or 'not finished'})*")
    return "\n\n".join(parts) + "\n"


def _reply(chat: Chat, reply: Turn) -> list[str]:
    """Return what it says, after its reasoning in a fold; quoted, so that no fence goes past it."""
    reasoning, answer = map(str.strip, chat.session.renderer.reasoning.split(reply.text))
    if not reasoning:
        return [answer]
    quoted = "\n".join(f"> {line}".rstrip() for line in reasoning.split("\n"))
    return ["<details>\n<summary>Reasoning</summary>", quoted, "</details>", answer]


def _json(chat: Chat) -> str:
    body = {
        "session": chat.session_id,
        "name": chat.name,
        "model": chat.model.short,
        "fingerprint": chat.model.fingerprint,
        "template": chat.setting("template"),
        "sampling": asdict(chat.settings.sampling),
        "messages": _messages(chat),
    }
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"


def _json_lines(chat: Chat) -> str:
    return "".join(json.dumps(m, ensure_ascii=False) + "\n" for m in _messages(chat))


def _messages(chat: Chat) -> list[dict[str, Any]]:
    system = [{"role": "system", "content": chat.settings.system}] if chat.settings.system else []
    return [*system, *(_message(chat, turn) for turn in chat.session.ledger.path())]


def _message(chat: Chat, turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": turn.text}
    if turn.role == "assistant":
        if turn.n_begun:  # which nobody sampled
            message["begun"] = begun_words(turn, chat.vocabulary)
        message["finish_reason"] = turn.finish
        message["seed"] = turn.runs[-1].seed if turn.runs else None
        message["timings"] = turn.timings.as_dict() if turn.timings else None
        if chat.settings.logprobs is not None and chat.view.has_tokens:
            message["logprobs"] = _tokens(chat, turn, chat.settings.logprobs)
    return message


def _tokens(chat: Chat, reply: Turn, n: int) -> list[dict[str, Any]] | None:
    """Return what the model thought of each token; None where that isn't known."""
    tokens, logprobs = tokens_of(reply), Logprobs(chat.vocabulary, n, begins=True)
    if not tokens.are_known:
        return None
    return [logprobs.of(tokens.choices[i]) for i in range(len(tokens.ids))]


FORMATS: dict[str, Callable[[Chat], str]] = {
    ".md": _markdown,
    ".json": _json,
    ".jsonl": _json_lines,
}
"""The writer of each suffix."""
