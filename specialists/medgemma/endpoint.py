"""MedGemma behind an OpenAI-compatible endpoint, such as vLLM."""

from __future__ import annotations

import base64
import math
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import (
    BackendUnavailable,
    LimitExceeded,
    ServerUnreachable,
    TimedOut,
    WardroundError,
)
from specialists.hub import Endpoint
from specialists.medgemma.client import Part, Watch, Written

__all__ = ["EndpointClient", "content", "data_url"]

_CONNECT_S, _SILENCE_S = 5.0, 300.0
"""Longest wait for a connection, and for the next word."""
_MOST_TOLD = 20
"""Alternatives of a token that servers tell of."""
_HELP = {
    400: "Its context or its number of images may be too small: vLLM wants --max-model-len 40960 "
    "and --limit-mm-per-prompt '{\"image\":126}'.",
    401: "Check WARDROUND_MEDGEMMA_KEY.",
    403: "Check WARDROUND_MEDGEMMA_KEY.",
    404: "Check WARDROUND_MEDGEMMA_MODEL, and that WARDROUND_MEDGEMMA_URL ends in /v1.",
}
_NO_ENDPOINT = (
    "What answers at WARDROUND_MEDGEMMA_URL is no OpenAI-compatible chat endpoint. It is the base "
    "URL, which mostly ends in /v1."
)


class EndpointClient:
    """Asks a server. Nothing of a file but the pictures' pixels leaves this process.

    Args:
        endpoint: Where it is.
    """

    served = "endpoint"

    def __init__(self, endpoint: Endpoint) -> None:
        from openai import OpenAI, Timeout

        self._model = endpoint.model
        self._client = OpenAI(
            base_url=endpoint.url,
            api_key=endpoint.key,
            timeout=Timeout(_SILENCE_S, connect=_CONNECT_S),
            max_retries=2,
        )

    def write(
        self, parts: Sequence[Part], most: int, watch: Watch, stop: Sequence[str] = ()
    ) -> Written:
        """As `Client.write`; a server that is no longer waited for is hung up on."""
        pieces: list[str] = []
        ended: str | None = None
        options: dict[str, Any] = {"stop": list(stop)} if stop else {}
        for chunk in self._answered(watch, parts, stream=True, max_tokens=most, **options):
            if chunk.choices:
                pieces.append(chunk.choices[0].delta.content or "")
                ended = chunk.choices[0].finish_reason or ended
        if ended is None:
            raise BackendUnavailable(_NO_ENDPOINT)
        return Written("".join(pieces), cut=ended == "length")

    def first(
        self, parts: Sequence[Part], watch: Watch, among: Sequence[str] = ()
    ) -> Mapping[str, float]:
        """As `Client.first`: the likeliest twenty, which is all that a server tells."""
        wanted = {"max_tokens": 1, "logprobs": True, "top_logprobs": _MOST_TOLD}
        (answer,) = self._answered(watch, parts, stream=False, **wanted)
        told = answer.choices[0].logprobs if answer.choices else None
        if told is None or not told.content:
            raise BackendUnavailable(
                "MedGemma's endpoint gives no log-probabilities, which this needs; vLLM does."
            )
        scores: dict[str, float] = {}
        for one in told.content[0].top_logprobs:
            before = scores.get(one.token, -math.inf)
            scores[one.token] = float(np.logaddexp(before, one.logprob))
        return scores

    def _answered(self, watch: Watch, parts: Sequence[Part], **options: Any) -> Iterator[Any]:
        """Give an answer, or its chunks, as they come in another thread."""
        come: queue.Queue[Any] = queue.Queue()
        gone = threading.Event()
        message = {"role": "user", "content": content(parts)}
        asked = {"model": self._model, "messages": [message], "temperature": 0, "seed": 0}
        arguments = (asked | options, come, gone)
        threading.Thread(target=self._ask, args=arguments, daemon=True).start()
        try:
            while (item := _next(come, watch)) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            gone.set()

    def _ask(self, asked: dict[str, Any], come: queue.Queue[Any], gone: threading.Event) -> None:
        try:
            with _told_plainly():
                answer = self._client.chat.completions.create(**asked)
                if not asked["stream"]:
                    if not hasattr(answer, "choices"):
                        raise BackendUnavailable(_NO_ENDPOINT)
                    come.put(answer)
                else:
                    with answer:
                        for chunk in answer:
                            if gone.is_set():
                                return
                            come.put(chunk)
            come.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            come.put(error)


def _next(come: queue.Queue[Any], watch: Watch) -> Any:
    while True:
        watch.look()
        try:
            return come.get(timeout=0.2)
        except queue.Empty:
            continue


def content(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """A message's content as the API has it."""
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": data_url(part)}}
        for part in parts
    ]


def data_url(pixels: NDArray[np.uint8]) -> str:
    """A picture as a PNG in a data URL: without loss, and without a name."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Turn what the client raises into errors of the tree, which name no address."""
    from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

    try:
        yield
    except WardroundError:
        raise
    except APITimeoutError:
        raise TimedOut("MedGemma's endpoint did not answer in time.") from None
    except APIConnectionError:
        raise ServerUnreachable(
            "MedGemma's endpoint can't be reached. Check WARDROUND_MEDGEMMA_URL."
        ) from None
    except APIStatusError as error:
        raise _refused(error.status_code) from None
    except APIError:
        raise ServerUnreachable("MedGemma's endpoint broke off in its answer.") from None
    except (ValueError, AttributeError, TypeError):
        # What the client makes of a page, or of JSON of another kind, under HTTP 200.
        raise BackendUnavailable(_NO_ENDPOINT) from None


def _refused(status: int) -> WardroundError:
    told = f"MedGemma's endpoint answered with HTTP {status}."
    if status == 413:
        return LimitExceeded(f"{told} The pictures are more than it takes.")
    if status == 429 or status >= 500:
        return ServerUnreachable(f"{told} It has too much to do, or failed; its log may say why.")
    return BackendUnavailable(f"{told} {_HELP.get(status, 'Its log may say why.')}")
