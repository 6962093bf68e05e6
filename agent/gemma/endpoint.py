"""Gemma behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp's server and others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from agent.gemma.chat import LONGEST_ANSWER, ChatGemma, Message
from agent.settings import Settings
from specialists.errors import PlannerUnavailable

__all__ = ["EndpointGemma", "connection", "told_plainly"]

_ADVICE = (
    "Use a server that enforces a JSON schema in response_format, such as vLLM, Ollama or "
    "llama.cpp's server."
)
_CUT = (
    f"The language model's answer was cut off, at {LONGEST_ANSWER} tokens or at the server's limit "
    "(vLLM: --max-model-len)."
)
_HELP = {
    400: "It may not know response_format with a JSON schema, or take too short a prompt.",
    401: "Check WARDROUND_GEMMA_KEY.",
    403: "Check WARDROUND_GEMMA_KEY.",
    404: "Check WARDROUND_GEMMA_MODEL, and that WARDROUND_GEMMA_URL ends in /v1.",
    422: "It may not know response_format with a JSON schema.",
    429: "It has too much to do.",
}
_CONNECT_S = 5.0
"""Longest wait for a connection, of which two are tried."""


def connection(settings: Settings) -> dict[str, Any]:
    """How the settings' server is reached, as a client of the library takes it."""
    from openai import Timeout

    return {
        "base_url": settings.gemma_url,
        "api_key": settings.gemma_key,
        "timeout": Timeout(settings.gemma_timeout_s, connect=_CONNECT_S),
        "max_retries": 1,
    }


class EndpointGemma(ChatGemma):
    """Plans and composes with a model at an endpoint.

    The answer is streamed, so that a server that goes astray is stopped at its first word, and
    one that is no longer waited for stops computing.

    Args:
        settings: `gemma_url`, `gemma_model`, `gemma_key`, `gemma_timeout_s`, `gemma_retries`.
    """

    def __init__(self, settings: Settings) -> None:
        from openai import AsyncOpenAI

        super().__init__(settings.gemma_retries, _ADVICE)
        self._model = settings.gemma_model or ""
        self._timeout_s = settings.gemma_timeout_s
        self._client = AsyncOpenAI(**connection(settings))

    @property
    def name(self) -> str:
        """The model's name at the endpoint."""
        return f"{self._model} (endpoint)"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def models(self) -> list[str]:
        """The names that the server lists.

        Raises:
            PlannerUnavailable: If it can't be reached or does not say.
        """
        with told_plainly():
            listed: Any = await self._client.models.list()
            if isinstance(listed, str):
                raise ValueError("a page, not a list")
            return [one.id for one in listed.data]

    async def _write(
        self, messages: Sequence[Message], name: str, schema: dict[str, Any]
    ) -> AsyncGenerator[str]:
        with told_plainly():
            async with asyncio.timeout(self._timeout_s):
                async with await self._started(messages, name, schema) as chunks:
                    anything = False
                    async for chunk in chunks:
                        anything = True
                        if chunk.choices and (piece := chunk.choices[0].delta.content):
                            yield piece
                        if chunk.choices and chunk.choices[0].finish_reason == "length":
                            raise PlannerUnavailable(_CUT)
                    if not anything:
                        raise ValueError("no chunk of a chat completion")

    async def _started(self, messages: Sequence[Message], name: str, schema: dict[str, Any]) -> Any:
        wanted = {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
        return await self._client.chat.completions.create(  # type: ignore[call-overload]
            model=self._model,
            messages=list(messages),
            response_format=wanted,
            temperature=0,
            seed=0,
            max_tokens=LONGEST_ANSWER,
            stream=True,
        )


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn what the client raises into what a user can act on.

    Raises:
        PlannerUnavailable: For whatever goes wrong at, or on the way to, an endpoint.
    """
    from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

    try:
        yield
    except (APITimeoutError, TimeoutError):
        raise PlannerUnavailable("The language model's endpoint did not answer in time.") from None
    except APIConnectionError:
        raise PlannerUnavailable(
            "The language model's endpoint can't be reached. Check WARDROUND_GEMMA_URL."
        ) from None
    except APIStatusError as error:
        helps = _HELP.get(error.status_code, "The server's log may say why.")
        raise PlannerUnavailable(
            f"The language model's endpoint answered with HTTP {error.status_code}. {helps}"
        ) from None
    except APIError:
        raise PlannerUnavailable(
            "The language model's endpoint broke off in the middle of its answer."
        ) from None
    except ValueError:
        # What the client makes of a page, or of JSON of another kind, under HTTP 200.
        raise PlannerUnavailable(
            "What answers there is no OpenAI-compatible chat endpoint. WARDROUND_GEMMA_URL is its "
            "base URL, which mostly ends in /v1."
        ) from None
