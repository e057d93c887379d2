"""Models of the Hugging Face Hub, fetched by name into the Hub's own cache.

The client brings that cache, tokens, ``HF_ENDPOINT`` and the retries; only what is needed comes. A
connection that breaks goes on where it was; of a process that is killed, files that were whole stay
and the one that was coming begins anew: the client (2.4) gives each attempt a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import ConvertError
from ..room import refuse_if_full
from ..sources.folder import read_json
from ..sources.hf_config import HfConfig
from .cache import cached_path
from .client import ELSEWHERE, named_errors, silent_client
from .names import CONFIG, FORM, HubName, first_part, needed

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PATIENCE = 10.0  # seconds for the first answer; then the network counts as down

OnBytes = Callable[[int, int], None]


@dataclass(frozen=True)
class Fetched:
    """Where a model of the Hub lies now, a folder or a file; ``notes`` is what to tell."""

    path: Path
    notes: tuple[str, ...] = ()


def fetch(name: HubName, progress: OnBytes | None = None) -> Fetched:
    """Fetch the files that are needed and aren't in the Hub's cache; return where they lie.

    ``progress`` gets the bytes there are and their total; an exception from it ends the fetching,
    and files that are whole stay. Where the Hub can't be reached, what is in the cache is taken.
    Raises ``ConvertError``, and ``WriteError`` for what the model is not to blame for.
    """
    with silent_client() as api, named_errors(name, api):
        reached = _ask(name, api)
        if isinstance(reached, str):
            there = cached_path(name, reached)
            return Fetched(there, (f"{name}: {reached}; taking what was fetched before",))
        commit, sizes = reached
        wanted = needed(name, sizes)
        _refuse_what_can_not_come(name, _lacking(name, commit, wanted), sizes)
        tally = _Tally(progress, sum(sizes[path] for path in wanted))
        local: list[str] = []
        for path in wanted:
            bar = tally.bar(sizes[path])
            # By the commit, so that all are of one, and what is there isn't asked for again.
            local += [api.hf_hub_download(name.repo, path, revision=commit, tqdm_class=bar)]
            if path == CONFIG:  # it comes first: nobody waits for weights that can't be used
                HfConfig(read_json(Path(local[-1]), f"{name}: {CONFIG}")).refuse_unknown()
            tally.finish(sizes[path])
        # Last: the name that the cache knows from now on stands for a model that is whole.
        _remember_revision(name, api)
        root = Path(local[0]).parents[wanted[0].count("/")]
        return Fetched(root / first_part(name.file) if name.file else root)


def _ask(name: HubName, api: HfApi) -> tuple[str, dict[str, int]] | str:
    """Return the commit that the name stands for and its files' sizes, or why nobody answers."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        info = api.model_info(
            name.repo, revision=name.revision, timeout=PATIENCE, files_metadata=True
        )
    except OfflineModeIsEnabled:
        return "HF_HUB_OFFLINE is set"
    except httpx2.TransportError:
        return f"no answer from {api.endpoint}"
    except HfHubHTTPError as e:
        if e.response.status_code == 429 or e.response.status_code >= 500:
            return f"{api.endpoint} is out of order ({e.response.status_code})"
        raise
    except HFValidationError as e:
        raise ConvertError(f"{name}: no name of a model on the Hub", FORM) from e
    except (ValueError, LookupError, TypeError, AttributeError, httpx2.InvalidURL) as e:
        raise _no_hub(name, api) from e
    if info.sha is None:
        raise _no_hub(name, api)
    return info.sha, {file.rfilename: file.size or 0 for file in info.siblings or ()}


def _no_hub(name: HubName, api: HfApi) -> ConvertError:
    return ConvertError(
        f"{name}: {api.endpoint} doesn't answer as a Hub does", "look at HF_ENDPOINT"
    )


def _lacking(name: HubName, commit: str, wanted: Iterable[str]) -> list[str]:
    """Return which of the wanted files aren't in the cache."""
    from huggingface_hub import try_to_load_from_cache

    found = {path: try_to_load_from_cache(name.repo, path, revision=commit) for path in wanted}
    return [path for path, local in found.items() if not isinstance(local, str)]


def _refuse_what_can_not_come(
    name: HubName, lacking: Sequence[str], sizes: Mapping[str, int]
) -> None:
    """Raise ``ConvertError`` for a file that is too large, ``WriteError`` for want of room."""
    from huggingface_hub import constants

    limit, total = constants.MAX_HTTP_DOWNLOAD_SIZE, sum(sizes[path] for path in lacking)
    if large := [path for path in lacking if sizes[path] > limit]:
        what = f"{large[0]} has {sizes[large[0]]:,} bytes, and the Hub sends {limit:,} at most"
        hint = "name one that is in parts, or fetch it first with `hf download`"
        raise ConvertError(f"{name}: {what}", hint)
    cache = Path(constants.HF_HUB_CACHE)
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    refuse_if_full(there, total, f"{name}: what is to be fetched", ELSEWHERE)


def _remember_revision(name: HubName, api: HfApi) -> None:
    from huggingface_hub.errors import RevisionResolutionError

    with suppress(RevisionResolutionError):  # a convenience, for when there is no network
        api.resolve_revision(name.repo, revision=name.revision)


class _Tally:
    """Counts the bytes of all files together, and tells of them."""

    def __init__(self, progress: OnBytes | None, total: int) -> None:
        self._progress, self._total = progress, total
        self._whole = self._part = 0  # bytes of the files that are there, of the one that comes

    def bar(self, size: int) -> Any:
        """Make what the client takes for the class of its progress bar, for a file of ``size``."""

        def update(n: float | None = 1) -> None:
            self._part += int(n or 0)
            self._tell(self._whole + min(self._part, size))

        return lambda **_: _Bar(update)

    def finish(self, size: int) -> None:
        """Count a file of ``size`` bytes as there, wherever it came from."""
        self._whole, self._part = self._whole + size, 0
        self._tell(self._whole)

    def _tell(self, done: int) -> None:
        if self._progress:
            self._progress(done, self._total)


class _Bar:
    """What the client needs of a progress bar. It draws nothing."""

    def __init__(self, update: Callable[[float | None], None]) -> None:
        self.update = update

    def __enter__(self) -> _Bar:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        pass
