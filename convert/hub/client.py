"""The Hub's client, imported when it is asked for: silent, and its errors in one line each.

Knows what may go wrong with a model of the Hub, but fetches none.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import ConvertError, WriteError
from .names import HubName

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

LOGIN = "log in with `hf auth login`, or set HF_TOKEN"
ELSEWHERE = "HF_HOME names another place for the Hub's cache"
SILENT = 100  # above all levels of logging


@contextmanager
def silent_client() -> Iterator[HfApi]:
    """Import the client, and keep it from saying anything by itself."""
    from huggingface_hub import HfApi, constants, logging

    # The other way of transfer tells of its progress from threads of its own: an exception there is
    # not sure to end it, as one in a plain download is.
    constants.HF_HUB_DISABLE_XET = True
    logging.set_verbosity(SILENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield HfApi(library_name="llama2ncnn-chat")


@contextmanager
def named_errors(name: HubName, api: HfApi) -> Iterator[None]:
    """Turn what the client raises into one line that says what to do."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    broken = f"{name}: the connection to {api.endpoint} broke"
    again = "name it again: files that are whole are not fetched twice"
    try:
        yield
    except HfHubHTTPError as e:
        raise _refusal(name, api.endpoint, e) from e
    except httpx2.HTTPError as e:
        raise ConvertError(broken, again) from e
    except OSError as e:
        if e.errno is None or isinstance(e, FileNotFoundError):  # the client's own
            raise ConvertError(broken, again) from e
        raise WriteError(f"{e.filename or name}: {e.strerror}", ELSEWHERE) from e


def _refusal(name: HubName, endpoint: str, error: HfHubHTTPError) -> ConvertError:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    page, status = f"{endpoint}/{name.repo}", error.response.status_code
    if isinstance(error, GatedRepoError):
        return ConvertError(
            f"{name}: its owner asks to accept terms first", f"accept them at {page}, then {LOGIN}"
        )
    if isinstance(error, RepositoryNotFoundError):
        return ConvertError(
            f"{name}: the Hub has no such model, or a private one",
            f"look at the spelling; for a private one, {LOGIN}",
        )
    if isinstance(error, RevisionNotFoundError):
        return ConvertError(f"{name}: no revision {name.revision!r}", f"see {page}/commits")
    if isinstance(error, EntryNotFoundError):
        return ConvertError(f"{name}: a file of it isn't there", f"see {page}/tree/main")
    if status in (401, 403):
        return ConvertError(f"{name}: the Hub doesn't take the token ({status})", LOGIN)
    return ConvertError(f"{name}: the Hub answers {status}", f"see {page}")
