"""Has the model read what a person is typing, so that little is left to read once it is sent.

The same for every face: ``hold`` belongs to each key, ``prefill_ahead`` to a pause between keys.
"""

from __future__ import annotations

from contextlib import suppress

from ..errors import ChatError
from .chat import Chat
from .line import Message
from .mentions import with_files

SECONDS_OF_A_KEY = 0.05


def prefill_ahead(chat: Chat, draft: Message) -> None:
    """Read on in the background, with this draft; nothing, while a reply is written.

    Nor what would take long to find out: long files that it names.
    """
    session = chat.session
    if chat.settings.prefill_ahead and not session.busy:
        with suppress(ChatError):
            text = with_files(draft, quickly=True)
            session.ahead.prefill(session.sight(session.ledger.end()), text)


def hold(chat: Chat) -> None:
    """Have it wait while a key is drawn, which all of the machine belongs to."""
    chat.session.ahead.hold(SECONDS_OF_A_KEY)
