"""What a terminal sends, made into text, keys and pastes: whatever comes, typing goes on.

Bytes that are no text become U+FFFD, a paste comes whole and without escape sequences even if its
end never comes, and keys in their extended forms come as values, with shortcuts by the place of a
key. Reads no terminal, and knows neither an event loop nor what a face's own parser takes.

Sources: kitty's keyboard protocol (``CSI code:shifted:base ; modifiers:event ; text u``), xterm's
modifyOtherKeys (``CSI 27 ; modifiers ; code ~``), its answer about the background's colour
(``OSC 11 ; rgb:rrrr/gggg/bbbb ST``).
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass

from .terminal import (
    CTRL_C,
    ESC,
    PASTE_BEGINS,
    PASTE_ENDS,
    SILENCE,
    without_sequences,
)

PAUSE = 0.05
"""Seconds without a byte after which to be asked what was waited for in vain: no terminal pauses
as long within a sequence, and no person is as quick from Escape to another key."""

KEYS = (ESC, "\x1b[", "\x1bO")
"""Beginnings of sequences that are keys by themselves: Escape, and Alt with a sign."""
RARE_KEY = "\x1b]"
"""One more, which waits longer: an answer that comes in pieces must never be taken for text."""

_PIECES = re.compile(
    r"\x1b\]11;[\w:/]{0,40}(?:\x07|\x1b\\)|"
    r"\x1b\[(?:\[[A-E]|[0-?]*[ -/]*[@-~])|\x1bO[A-FHMP-S]|\x1b[^\x1b]|[^\x1b]+|\x1b"
)
_UNFINISHED = re.compile(r"\x1b(?:O|\[\[|\[[0-9:;]{0,40}|\](?:1(?:1(?:;[\w:/]{0,40}\x1b?)?)?)?)?\Z")
_KEY = re.compile(r"\x1b\[([\d:;]*)([u~ABCDEFHPQRS])")
_BACKGROUND = re.compile(r"\x1b\]11;rgba?:([\da-fA-F]{1,4})/([\da-fA-F]{1,4})/([\da-fA-F]{1,4})\b")
_LUMA = (0.2126, 0.7152, 0.0722)
"""How bright red, green and blue look."""
_REPORT = re.compile(r"\x1b\[[<=>?][0-?]*[ -/]*[a-zA-Z](?<![mMyu])")
"""What a terminal says of itself, whoever asked: neither the mouse nor an answer to Textual."""

ENTER, MAX_ASCII, MAX_CODE = 13, 127, 0x10FFFF
SHIFT, ALT, CTRL, COMMANDS = 1, 2, 4, 0b111110
"""Bits of modifiers; commands are alt, ctrl, super, hyper and meta, of which none writes."""
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


@dataclass(frozen=True)
class Key:
    """A key by its code point, the bits of its modifiers, and the text that it writes, if any."""

    code: int
    modifiers: int = 0
    text: str = ""


@dataclass(frozen=True)
class Background:
    """How bright the terminal's background is, as it answers: 0 for black, 1 for white."""

    brightness: float


Piece = str | Key | Paste | Background
"""Text, a key's sequence in its old form, or one of the values."""


class Keyboard:
    """Feed it bytes, and ``idle`` while none come; takes the time in seconds.

    Without ``alt``, an escape before a sign is Escape, which vi's fingers type as fast.
    """

    def __init__(self, encoding: str = "utf-8", *, alt: bool = True) -> None:
        self._decoder, self._alt = getincrementaldecoder(encoding)("replace"), alt
        self._held = ""  # the beginning of a sequence
        self._paste: list[str] | None = None
        self._last = 0.0

    @property
    def waits(self) -> bool:
        """Whether something has begun that more may belong to."""
        return bool(self._held or self._paste is not None or self._decoder.getstate()[0])

    def feed(self, data: bytes, now: float) -> Iterator[Piece]:
        """Yield what these bytes bring, each piece by itself."""
        self._last = now
        text, self._held = self._held + self._decoder.decode(data), ""
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

    def idle(self, now: float) -> Iterator[Piece]:
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
            if key in (*KEYS, RARE_KEY):
                yield from self._keys(key, more=False)
        if late and (rest := self._decoder.decode(b"", final=True)):
            yield rest

    def _keys(self, text: str, *, more: bool) -> Iterator[str | Key | Background]:
        if more and (unfinished := _UNFINISHED.search(text)):
            self._held = unfinished[0]
            text = text[: unfinished.start()]
        for piece in _PIECES.findall(text):
            if not self._alt and len(piece) == 2 and piece[0] == ESC:
                yield from piece
            elif known := _understood(piece):
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


def _understood(piece: str) -> str | Key | Background | None:
    """Return text or a key's old form as it is, an extended one as a value, None for no key."""
    if piece.startswith(RARE_KEY) and piece != RARE_KEY:
        return _background(piece)
    if piece in ("\x1b\r", "\x1b\n"):
        return Key(ENTER, ALT)
    if _REPORT.fullmatch(piece):
        return None
    match = _KEY.fullmatch(piece)
    if match is None or (":" not in match[1] and match[2] not in "u~"):
        return piece
    codes, states, texts = [_numbers(field) for field in f"{match[1]};;".split(";")[:3]]
    return _key(codes, states, texts, match[2])


def _background(answer: str) -> Background | None:
    """Read a colour of one to four digits for each of red, green and blue."""
    match = _BACKGROUND.match(answer)
    if match is None:
        return None
    shares = (int(digits, 16) / (16 ** len(digits) - 1) for digits in match.groups())
    return Background(sum(luma * share for luma, share in zip(_LUMA, shares, strict=True)))


def _key(codes: Numbers, states: Numbers, texts: Numbers, end: str) -> str | Key | None:
    if end == "~" and codes[0] == OTHER_KEY and texts[0]:
        codes, texts, end = texts, [None], "u"
    modifiers, state = (*states, None)[:2]
    if state == RELEASED:
        return None
    bits = max(0, (modifiers or 1) - 1)
    if end != "u":
        return f"\x1b[{codes[0] or 1};{bits + 1}{end}" if bits else f"\x1b[{codes[0] or ''}{end}"
    code, shifted, base = (*codes, None, None)[:3]
    if not code or code > MAX_CODE or code in SURROGATES:
        return None
    if bits & COMMANDS:
        if code > MAX_ASCII:
            latin = base if base and _is_text(base) else None
            code = latin or PLACES.get(ord(chr(code).lower()[0]), code)
        texts = [None]
    elif texts == [None] and _is_text(code):
        texts = [shifted if bits & SHIFT and shifted else code]
    if not all(n is None or _is_text(n) for n in texts):
        return None
    return Key(code, bits, "".join(chr(n) for n in texts if n))


def _numbers(field: str) -> Numbers:
    return [int(n) if 0 < len(n) <= MAX_DIGITS else None for n in field.split(":")]


def _is_text(code: int) -> bool:
    """Tell whether a code point is a character that is written."""
    nothing = code in SURROGATES or code in PRIVATE or code == MAX_ASCII
    return 32 <= code <= MAX_CODE and not nothing
