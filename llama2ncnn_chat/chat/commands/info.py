"""The commands that tell and set: system prompt, settings, colours, context, statistics.

Face-neutral: each yields outcomes. Knows the chat that is open; neither draws nor parses.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import ChatError
from ...events import Timings
from ..chat import Chat
from ..option import find_option, shown
from ..options import SETTINGS, SYSTEM
from ..outcomes import Done, Outcome, Say, SetTheme
from ..phrases import NO_TOKENS, brief, turns_of
from .arguments import EMPTY


def system(chat: Chat, text: str) -> Iterator[Outcome]:
    """Show the system prompt, or set another."""
    if text:
        chat.set_values({"system": "" if text in EMPTY else text})
    now = chat.settings.system
    told = f"system prompt: {now}" if now else "no system prompt (/system TEXT sets one)"
    yield Done(told) if text else Say(told)


def set_setting(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Show the settings, or one, or set one."""
    name, _, typed = argument.partition(" ")
    if not name:
        yield Say(_settings(chat))
        return
    option, typed = find_option(name, (*SETTINGS.values(), SYSTEM), "/set lists all"), typed.strip()
    if option is SYSTEM:
        yield from system(chat, typed)
        return
    if typed:
        chat.set_setting(option.name, typed)
    now = f"{option.name} {chat.setting(option.name)}"
    yield Done(now) if typed else Say(f"{now}  ({option.about})")


def theme(_chat: Chat, name: str) -> Iterator[Outcome]:
    """Have other colours."""
    yield SetTheme(name)


def show(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """The model, the session, and the settings that aren't the usual ones."""
    yield Say(overview(chat))


def overview(chat: Chat) -> str:
    """Model and session, a line each."""
    model, session = chat.model, chat.session
    number = "not saved yet" if chat.session_id is None else str(chat.session_id)
    kept = number if chat.store else "not saved (--no-save)"
    rows = [
        ("model", f"{model.short} ({model.amount})"),
        ("session", f"{kept}{', ' + chat.name if chat.name else ''}"),
        ("turns", str(sum(turn.role == "user" for turn in session.ledger.path()))),
        ("context", _in_context(chat)),
        ("KV caches", f"{chat.kept_bytes / 1e6:,.1f} MB on the disk, of all sessions"),
        ("system", brief(chat.settings.system) or "none"),
        ("template", chat.setting("template")),
        ("settings", _unusual(chat) or "the usual ones (/set lists them)"),
    ]
    return _columns(rows)


def _in_context(chat: Chat) -> str:
    """Say how much of the context is used; of an engine that tells no tokens, what it has told.

    That is nothing of a reply in several runs, of which each has read those before it, nor of one
    that was written with other ids.
    """
    if chat.view.has_tokens:
        use = chat.session.context()
        return f"{use.used:,} of {use.length:,} tokens"
    reply = chat.session.ledger.last("assistant")
    t = reply.timings if reply and len(reply.runs) == 1 else None
    if t is None or not t.are_counted:
        return NO_TOKENS
    n = t.prompt_n + t.cache_n + t.predicted_n
    return f"{n:,} tokens after the last reply, as the engine counts"


def context(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """What takes how much of the context."""
    if not chat.view.has_tokens:
        yield Say(_in_context(chat))
        return
    use = chat.session.context()
    rows = [("system prompt", f"{use.system:,}", "")] if use.system else []
    if use.hidden:
        rows.append((f"{turns_of(use.hidden)} before", "-", "the model no longer sees them"))
    for turn, n in use.turns:
        if turn.role == "user":
            rows.append(("you", f"{n:,}", brief(turn.text, 40)))
        else:
            answer = chat.session.renderer.reasoning.answer(turn.text)
            rows.append(("reply", f"{n:,}", brief(answer, 40)))
    rows.append(("free", f"{use.free:,}", f"of {use.length:,}"))
    left, right = max(len(r[0]) for r in rows), max(len(r[1]) for r in rows)
    yield Say("\n".join(f"{a:<{left}}  {n:>{right}}  {about}".rstrip() for a, n, about in rows))


def stats(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """How fast the last reply was, and the conversation in all."""
    replies = [t for t in chat.session.ledger.path() if t.role == "assistant" and t.timings]
    if not replies:
        raise ChatError("there is no reply yet", "say something first")
    last = replies[-1]
    assert last.timings
    total = Timings()
    for reply in replies:
        total += reply.timings or Timings()
    rows = [
        *_timing_rows(last.timings),
        ("ended by", last.finish or "not finished"),
        ("seed", str(last.runs[-1].seed) if last.runs else "unknown"),
        ("in all", _amounts(total)),
        ("threads", chat.setting("threads")),
    ]
    yield Say(_columns(rows))


def _amounts(t: Timings) -> str:
    if not t.are_counted:
        return NO_TOKENS
    return f"{t.prompt_n:,} tokens read, {t.predicted_n:,} generated"


def _timing_rows(t: Timings) -> list[tuple[str, str]]:
    if not t.are_counted:
        return [
            ("first text", f"after {t.prompt_ms / 1000:.2f} s"),
            ("generated", f"in {t.predicted_ms / 1000:.2f} s"),
        ]
    cached = f", {t.cache_n:,} were in the cache" if t.cache_n else ""
    return [
        ("read", f"{t.prompt_n:,} tokens, {t.prompt_per_second:,.1f} tok/s{cached}"),
        ("first token", f"after {t.prompt_ms / 1000:.2f} s"),
        ("generated", f"{t.predicted_n:,} tokens, {t.predicted_per_second:,.1f} tok/s"),
    ]


def _settings(chat: Chat) -> str:
    rows = [(name, chat.setting(name), option.about) for name, option in SETTINGS.items()]
    name_width = max(len(name) for name, _, _ in rows)
    width = max(len(value) for _, value, _ in rows)
    return "\n".join(
        f"{name:<{name_width}}  {value:<{width}}  {about}" for name, value, about in rows
    )


def _unusual(chat: Chat) -> str:
    """Say which settings of the replies aren't the usual ones; the model's are told apart."""
    replies = [option for option in SETTINGS.values() if option.heading != "Model"]
    rows = [(o.name, chat.setting(o.name), shown(o, o.default)) for o in replies]
    return ", ".join(f"{name} {value}" for name, value, usual in rows if value != usual)


def _columns(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
