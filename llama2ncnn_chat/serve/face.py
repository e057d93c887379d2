"""``llama2ncnn-chat serve``: opens a model, binds an address and answers until it is stopped."""

from __future__ import annotations

import logging
import os
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import uvicorn

from ..chat.chat_model import ChatModel
from ..errors import UsageError
from ..generation.completer import Completer
from ..generation.local import LocalCompleter
from ..launch.options import Options
from ..launch.prepare import prepare, with_sampling
from ..launch.serve_options import ServeOptions
from ..ui.progress import Steps
from ..ui.telling import tell
from .app import Server
from .engine_room import EngineRoom
from .guard import LOOPBACK, Guard
from .metrics import Metrics
from .prefixes import Prefixes
from .protocol import Protocol
from .task import Tasks

PROXIES = "FORWARDED_ALLOW_IPS"
"""The variable, read by uvicorn, of the proxies that are believed when they name a client."""

GRACE = 3
"""Seconds that answers under way have when the server is stopped."""


def run(options: Options, serving: ServeOptions) -> int:
    """Serve until a signal comes; returns the exit code. Raises ``ChatError``."""
    with closing(_bound(serving.host, serving.port)) as listening:
        with Steps() as steps:
            model = prepare(options, steps.step)
            completer = model.load(steps.step)
        with closing(completer):
            for note in (*options.notes, *model.notes, *model.first_notes, completer.note):
                if note:
                    tell(note)
            server = server_of(model, completer, options, serving)
            host, port = listening.getsockname()[:2]
            where = f"[{host}]" if ":" in host else host
            tell(f"{server.model} is served at http://{where}:{port}/v1; ^c stops it")
            if serving.host not in LOOPBACK and not serving.key:
                tell("whoever reaches this address may use it: --api-key-env asks for a key")
            uvicorn.Server(config_of(server, GRACE)).run(sockets=[listening])
    return 0


def config_of(server: Server, grace: int) -> uvicorn.Config:
    """Say how a server is run; when it is stopped, answers under way have ``grace`` seconds."""
    return uvicorn.Config(
        server.app(),
        http=Protocol,
        ws="none",
        log_level=logging.CRITICAL,  # what it says may have a person's text
        access_log=False,
        server_header=False,
        # Uvicorn would believe whoever asks from this machine, which is everyone here.
        proxy_headers=PROXIES in os.environ,
        timeout_graceful_shutdown=grace,
    )


def server_of(
    model: ChatModel, completer: Completer, options: Options, serving: ServeOptions
) -> Server:
    """Put together what answers."""
    if not isinstance(completer, LocalCompleter):
        raise UsageError("an engine elsewhere serves others by itself", "ask it, or name a MODEL")
    metrics = Metrics()
    prefixes = Prefixes(completer, serving.cache_mb << 20)
    settings = replace(options.settings, template=model.template)
    settings = with_sampling(settings, model.sampling, options.set_by_hand)
    return Server(
        serving.name or Path(model.facts.name).name,
        Tasks(model.vocabulary, settings, completer.context_length),
        EngineRoom(completer, prefixes, serving.waiting, metrics),
        metrics,
        Guard(serving.key, LOOPBACK if serving.host in LOOPBACK else (), serving.cors or ""),
    )


def _bound(host: str, port: int) -> socket.socket:
    """Bind the address before the model is loaded. Raises ``UsageError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as e:
        reason = str(e.strerror).partition(" (while")[0]
        raise UsageError(f"{host}:{port} can't be had: {reason}", "--port 0 takes any") from None
