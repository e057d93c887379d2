"""What a terminal sends, made into what Textual's parser takes: whatever comes, typing goes on.

Bytes that are no text become U+FFFD, a paste comes whole and without escape sequences even if its
end never comes, and keys in their extended forms come in the one form that is understood, with
shortcuts by the place of a key. Reads no terminal and knows no event loop.

Sources: kitty's keyboard protocol (``CSI code:shifted:base ; modifiers:event ; text u``), xterm's
modifyOtherKeys (``CSI 27 ; modifiers ; code ~``).
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass

from textual.message import Message

from ..terminal import (
    CTRL_C,
    ESC,
    PASTE_BEGINS,
    PASTE_ENDS,
    SILENCE,
    without_sequences,
)

KEYS = (ESC, "\x1b[")
"""Beginnings of sequences that are keys by themselves: Escape, and Alt with a bracket."""

_PIECES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\r\n]|[^\x1b]+|\x1b")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9:;]{0,40})?\Z")
_KEY = re.compile(r"\x1b\[([\d:;]*)([u~ABCDEFHPQRS])")
_REPORT = re.compile(r"\x1b\[[<=>?][0-?]*[ -/]*[a-zA-Z](?<![mMyu])")
"""What a terminal says of itself, whoever asked: neither the mouse nor an answer to Textual."""
_ALT_ENTER = "\x1b[13;3u"

MAX_ASCII, MAX_CODE = 127, 0x10FFFF
SHIFT, COMMANDS = 1, 0b111110  # of the modifiers: alt, ctrl, super, hyper, meta
RELEASED, OTHER_KEY, MAX_DIGITS = 3, 27, 7
SURROGATES = range(0xD800, 0xE000)
PRIVATE = range(0xE000, 0xF900)
"""Where kitty has keys that write nothing."""

_PLACES = {
    "йцукенгшщзхъфывапролджэячсмитьбюё": "qwertyuiop[]asdfghjkl;'zxcvbnm,.`",
    "іїєґў": "s]'\\o",
    "ςερτυθιοπασδφγηξκλζχψωβνμ": "wertyuiopasdfghjklzxcvbnm",
    "קראטוןםפשדגכעיחלךףזסבהנמצתץ": "ertyuiopasdfghjkl;zxcvbnm,.",
}
PLACES = {
    ord(a): ord(b) for theirs, ours in _PLACES.items() for a, b in zip(theirs, ours, strict=True)
}
"""What stands on a key in the Latin layout, by what a Cyrillic, Greek or Hebrew one has there."""


Numbers = list[int | None]


@dataclass(frozen=True)
class Paste:
    """A text that was pasted."""

    text: str


class InputFailed(Message):
    """No more keys will come: reading them has failed."""

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure
        super().__init__()


class Keyboard:
    """Feed it bytes, and ``idle`` while none come; takes the time in seconds."""

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._held = ""  # the beginning of a sequence
        self._paste: list[str] | None = None
        self._last = 0.0

    def feed(self, data: bytes, now: float) -> Iterator[str | Paste]:
        """Yield what these bytes bring: pieces for the parser, each by itself, and pastes."""
        self._last = now
        text, self._held = self._held + self._decode(data), ""
        while text:
            if self._paste is None:
                before, begins, text = text.partition(PASTE_BEGINS)
                if begins:
                    self._paste = []
                yield from self._keys(before, more=not begins)
            else:
                ended, text = self._pasted(text)
                if ended:
                    yield from self._end_of_paste()

    def idle(self, now: float) -> Iterator[str | Paste]:
        """Yield what was waited for in vain."""
        late = now - self._last >= SILENCE
        if self._paste is not None:
            if not late and (self._held != ESC or now - self._last < SILENCE / 2):
                return
            key, self._held = self._held, ""
            yield from self._end_of_paste()
            if key == ESC:
                yield key
        elif self._held in KEYS or late:  # what is longer and has no end comes to nothing
            key, self._held = self._held, ""
            if key in KEYS:
                yield key
        if late and (rest := self._decode(b"", final=True)):
            yield rest

    def _keys(self, text: str, *, more: bool) -> Iterator[str]:
        if more and (unfinished := _UNFINISHED.search(text)):
            self._held = unfinished[0]
            text = text[: unfinished.start()]
        for piece in _PIECES.findall(text):
            if known := _understandable(piece):
                yield known

    def _pasted(self, text: str) -> tuple[bool, str]:
        """Take what belongs to the paste; returns whether it has ended, and what comes after it."""
        assert self._paste is not None
        pasted, ends, after = text.partition(PASTE_ENDS)
        if (stop := pasted.find(CTRL_C)) >= 0:  # no terminal pastes it: somebody wants out
            self._paste.append(pasted[:stop])
            return True, text[stop:]
        if not ends:
            held = (n for n in range(len(PASTE_ENDS), 0, -1) if pasted.endswith(PASTE_ENDS[:n]))
            cut = len(pasted) - next(held, 0)
            pasted, self._held = pasted[:cut], pasted[cut:]
        self._paste.append(pasted)
        return bool(ends), after

    def _end_of_paste(self) -> Iterator[Paste]:
        text = without_sequences("".join(self._paste or [])).replace("\0", "")
        self._paste = None
        if text:
            yield Paste(text)


def _understandable(piece: str) -> str:
    """Return a piece in a form that is understood; nothing for what is no key."""
    if piece in ("\x1b\r", "\x1b\n"):
        return _ALT_ENTER
    if _REPORT.fullmatch(piece):
        return ""
    match = _KEY.fullmatch(piece)
    if match is None or (":" not in match[1] and match[2] not in "u~"):
        return piece
    codes, states, texts = [_numbers(field) for field in f"{match[1]};;".split(";")[:3]]
    return _key(codes, states, texts, match[2])


def _key(codes: Numbers, states: Numbers, texts: Numbers, end: str) -> str:
    if end == "~" and codes[0] == OTHER_KEY and texts[0]:
        codes, texts, end = texts, [None], "u"
    modifiers, state = (*states, None)[:2]
    if state == RELEASED:
        return ""
    bits = max(0, (modifiers or 1) - 1)
    if end != "u":
        return f"\x1b[{codes[0] or 1};{bits + 1}{end}" if bits else f"\x1b[{codes[0] or ''}{end}"
    code, shifted, base = (*codes, None, None)[:3]
    if not code or code > MAX_CODE or code in SURROGATES:
        return ""
    if bits & COMMANDS:
        if code > MAX_ASCII:
            code = base or PLACES.get(ord(chr(code).lower()[0]), code)
        texts = [None]
    elif texts == [None] and _is_text(code):
        texts = [shifted if bits & SHIFT and shifted else code]
    if not all(n is None or _is_text(n) for n in texts):
        return ""
    text = "".join(f":{n}" for n in texts if n)[1:]
    state_and_text = f"{bits + 1 if bits else ''};{text}".rstrip(";")
    return f"\x1b[{code};{state_and_text}u" if state_and_text else f"\x1b[{code}u"


def _numbers(field: str) -> Numbers:
    return [int(n) if 0 < len(n) <= MAX_DIGITS else None for n in field.split(":")]


def _is_text(code: int) -> bool:
    """Tell whether a code point is a character that is written."""
    nothing = code in SURROGATES or code in PRIVATE or code == MAX_ASCII
    return 32 <= code <= MAX_CODE and not nothing
