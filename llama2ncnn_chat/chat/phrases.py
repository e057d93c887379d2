"""Puts what happens into words: events, ends of replies, errors and what to do next.

Knows the commands and flags by name; the rooms below it have only codes and numbers for them.
"""

from __future__ import annotations

from ..errors import Advice, ChatError
from ..events import ContextShifted, ReadAgain, Replayed, Row

ADVICE = {
    Advice.MAKE_ROOM: "/undo, /new, or /set on_full shift to drop the oldest turns",
    Advice.LIST_SESSIONS: "/list in a chat shows them all",
    Advice.CHAT_UNSAVED: "--no-save chats without saving",
    Advice.EXPORT: "/export writes the conversation to a file, and the next start saves again",
    Advice.START_SAVING: "start without --no-save",
    Advice.BEGIN_ANOTHER: "/new begins another",
    Advice.NAME_TOKENIZER: "name it with --tokenizer",
    Advice.LENGTHEN_CONTEXT: "choose a longer --ctx-size",
    Advice.SHORTEN_CONTEXT: "shorten it with --ctx-size",
    Advice.KEEP_NO_CACHE: "run with --no-kv-cache and --on-full reprefill",
    Advice.GO_ON_WITH_TEXT: "try --raw or complete, or choose a --template",
    Advice.OTHER_WEIGHTS: "convert the model with other --weights",
    Advice.DROP_SCHEMA: "/set schema off, or no --json-schema, lets replies be any text",
    Advice.OPEN_MODEL: "/model NAME opens one",
    Advice.MARK_PROMPT: "a prompt without a MODEL goes after -p: llama2ncnn-chat -p PROMPT",
    Advice.NAME_KEY: "name the variable that has it with --api-key-env, or --api-key-file",
    Advice.ALLOW_HTTP: "speak https, or allow it with --insecure",
    Advice.GO_ON_LATER: "what came is kept; /continue goes on with it",
}


def hint(error: ChatError) -> str:
    """Say what to do next; empty where nothing is known to help."""
    return ADVICE[error.hint] if isinstance(error.hint, Advice) else error.hint


def sentence(error: ChatError) -> str:
    """Say what is wrong and what to do next, in one line."""
    return f"{error.message}; {hint(error)}" if error.hint else error.message


def shifted(event: ContextShifted) -> str:
    """Say that the oldest turns are out of the model's sight."""
    return (
        f"the context is full: the model no longer sees {oldest(event.turns)} ({event.tokens:,} "
        "tokens)"
    )


def put_otherwise(event: ReadAgain) -> str:
    """Say how much is read again because the template puts old turns otherwise now."""
    return f"{event.tokens:,} tokens are read again: the template writes old turns differently now"


def replayed(event: Replayed) -> str:
    """Say whether a reply was the same again."""
    if event.same:
        return "the same reply, token for token"
    return f"it differs from token {event.at + 1:,} on"


def without_logprobs(n_replies: int) -> str:
    """Say that a file lacks the probabilities of so many replies, and what finds them."""
    replies = "1 reply" if n_replies == 1 else f"{n_replies:,} replies"
    return f"logprobs of {replies} aren't known; /tokens finds those of the last one"


NO_TOKENS = "the engine tells text, and not the tokens behind it"


def thought(reply: Row) -> str:
    """Say that a reply has reasoning, and how much, where that is known."""
    n = reply.n_reasoning if reply.are_tokens else 0
    return f"thought for {n:,} {'token' if n == 1 else 'tokens'}" if n else "thought"


def why_ended(reply: Row) -> str:
    """Say why a reply stopped before its own end, in a few words; nothing where it didn't."""
    return _with_cut(_reason(reply), reply)


def ended(reply: Row) -> str:
    """Say why a reply stopped before its own end, and what to do; nothing where it didn't."""
    reason = _reason(reply)
    if reply.finish == "stop":
        return _with_cut(f"{reason}, a stop string" if reason else "", reply)
    if reply.finish == "length" and reply.max_tokens_reached is None:
        more = ADVICE[Advice.MAKE_ROOM] if reply.are_tokens else "/continue goes on"
        return f"{_with_cut(reason, reply)}; {more}"
    if reply.finish == "length":
        reason = f"max_tokens {reply.max_tokens_reached} reached"
    return f"{_with_cut(reason, reply)}; /continue goes on"


CUT_JSON = "the JSON isn't whole"


def _with_cut(reason: str, reply: Row) -> str:
    return ", ".join(filter(None, (reason, CUT_JSON if reply.json_cut else "")))


def _reason(reply: Row) -> str:
    if reply.finish == "stop":
        return f"stopped before {brief(reply.stop_met, 20)!r}" if reply.stop_met else ""
    if reply.finish == "length":
        return "reached max_tokens" if reply.max_tokens_reached is not None else no_room(reply)
    return "stopped" if reply.finish == "cancelled" else "not finished"


FULL = "the context is full"


def no_room(reply: Row) -> str:
    """Say that a reply had no room for more: the context is full, unless only the engine knows."""
    if reply.limit_unknown:
        return "reached max_tokens or the engine's own limit"
    return FULL if reply.are_tokens else "reached the engine's own limit"


def begins(words: str | None) -> str:
    """Say how the next reply will begin."""
    if words:
        return f"the next reply, to a message or by /regen, begins with: {brief(words)}"
    if words is None:
        return "the next reply begins as the model likes; another one as the last was begun"
    return "the next reply begins as the model likes"


def said_nothing(reply: Row) -> str:
    """Say that nothing came at all, or no more of a reply that says something already."""
    if reply.text.strip():
        return "nothing more came"
    return f"the reply is empty; if this is a base model, {ADVICE[Advice.GO_ON_WITH_TEXT]}"


def read_again(n_tokens: int, why: str) -> str:
    """Say that the next message takes longer, because a KV cache isn't there any more."""
    because = f" ({'--no-kv-cache' if why == 'off' else why})" if why else ""
    return f"the next reply begins later: {n_tokens:,} tokens are read again{because}"


def longer_than_context(length: int) -> str:
    """Say that a session was made with a longer context than this one."""
    return (
        f"the conversation is longer than the context of {length:,} tokens: the model sees only "
        "its end"
    )


def turns(n: int) -> str:
    """Say how many turns: a message and its replies are one."""
    return "1 turn" if n == 1 else f"{n:,} turns"


def turns_of(n_messages: int) -> str:
    """Say how many turns so many messages and replies are."""
    return turns((n_messages + 1) // 2)


def oldest(n_messages: int) -> str:
    """Name the oldest turns, so many messages and replies."""
    return f"the oldest {turns_of(n_messages).removeprefix('1 ')}"


def brief(text: str, width: int = 60) -> str:
    """Cut a text to one line of so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
