"""What goes wrong at the hub, in words that say what would help.

Source: huggingface_hub 2, errors.py and utils/_http.py.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from specialists.errors import (
    InvalidInput,
    LimitExceeded,
    NotAuthorised,
    ServerUnreachable,
    WardroundError,
)
from specialists.hub import HubModel

__all__ = ["explained"]

_TOKEN = "make one with the right to read at https://huggingface.co/settings/tokens, and set it "
_OFFLINE = (
    "The hub can't be reached. Fetch the model where there is a network and copy its folder, "
    "or set HF_ENDPOINT to a mirror."
)


@contextmanager
def explained(
    model: HubModel, passing: type[Exception] | tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Turn the hub library's errors into ours; `passing` are left as they are.

    Raises:
        NotAuthorised: If the token is missing or refused, or terms are to be accepted first.
        InvalidInput: If there is no such model, revision or file.
        LimitExceeded: If the disk is full.
        ServerUnreachable: If the hub can't be reached or answers with an error.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except passing:
        raise
    except HFValidationError:
        raise InvalidInput(f"{model.id} is no id of the hub: it takes ORGANISATION/NAME.") from None
    except OfflineModeIsEnabled:
        raise ServerUnreachable("HF_HUB_OFFLINE is set, and the model is not here.") from None
    except HfHubHTTPError as error:
        raise _of_status(model, error) from None
    except httpx2.HTTPError:
        raise ServerUnreachable(_OFFLINE) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LimitExceeded("The disk is full.") from None
        raise


def _of_status(model: HubModel, error: Exception) -> WardroundError:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status = int(getattr(getattr(error, "response", None), "status_code", 0))
    if isinstance(error, GatedRepoError):
        return NotAuthorised(_gated(model, status))
    if isinstance(error, RevisionNotFoundError):
        return InvalidInput(f"{model.id} has no such commit, branch or tag.")
    if isinstance(error, EntryNotFoundError):
        return InvalidInput(f"{model.id} has no such file at this commit.")
    if isinstance(error, RepositoryNotFoundError):
        return InvalidInput(
            f"The hub has no model {model.id}, or it is private and the token does not reach it."
        )
    return _of_token(model, status)


def _gated(model: HubModel, status: int) -> str:
    accept = f"accept the terms of {model.id} at {model.page}"
    if status == 401:
        return f"{model.id} is gated. First {accept}; then a token: {_TOKEN}as HF_TOKEN."
    return (
        f"The token's account may not read {model.id}: {accept} with that account (some makers "
        "let a person approve it first), and let a fine-grained token read gated models."
    )


def _of_token(model: HubModel, status: int) -> WardroundError:
    if status == 401:
        return NotAuthorised(f"The hub refuses the token in HF_TOKEN: {_TOKEN}anew.")
    if status == 403:
        return NotAuthorised(f"The token in HF_TOKEN may not read {model.id}: {_TOKEN}anew.")
    if status == 429:
        return ServerUnreachable("The hub has had too many requests from here. Try again later.")
    return ServerUnreachable(f"The hub answers with an error ({status}). Try again later.")
