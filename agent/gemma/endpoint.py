"""Gemma behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp's server and others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from agent.gemma.chat import LONGEST_ANSWER, ChatGemma, Message
from agent.settings import Settings
from specialists.errors import PlannerUnavailable

__all__ = ["EndpointGemma", "told_plainly"]

_ADVICE = (
    "Use a server that enforces a JSON schema in response_format, such as vLLM, Ollama or "
    "llama.cpp's server."
)


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
        self._client = AsyncOpenAI(
            base_url=settings.gemma_url,
            api_key=settings.gemma_key,
            timeout=settings.gemma_timeout_s,
            max_retries=1,
        )

    @property
    def name(self) -> str:
        """The model's name at the endpoint."""
        return f"{self._model} (endpoint)"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _write(
        self, messages: Sequence[Message], name: str, schema: dict[str, Any]
    ) -> AsyncGenerator[str]:
        with told_plainly():
            async with asyncio.timeout(self._timeout_s):
                async with await self._started(messages, name, schema) as chunks:
                    async for chunk in chunks:
                        if chunk.choices and (piece := chunk.choices[0].delta.content):
                            yield piece

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
        raise PlannerUnavailable(
            f"The language model's endpoint answered with HTTP {error.status_code}. "
            "Check WARDROUND_GEMMA_MODEL and the key."
        ) from None
    except APIError:
        raise PlannerUnavailable(
            "The language model's endpoint broke off in the middle of its answer."
        ) from None
