"""Which servers a machine's GPU is to run, and the command of each.

Source of the flags: vLLM's `serve` and the models' cards. MedGemma runs in bfloat16 (Gemma 3
overflows in float16), with room for a CT's 85 and a slide's 126 images in one request.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from agent.gemma.choice import CHOICES
from agent.gpu_plan import MEDGEMMA_GIB, plans
from agent.settings import MEDGEMMA, Settings
from specialists.errors import InvalidInput

__all__ = ["Server", "Wanted", "servers"]

_KEY = "VLLM_API_KEY"
_RESERVE_GIB = 2.0
"""Left to specialist models in process, beside a Gemma whose needs are not known here."""
_MEDGEMMA_FLAGS = (
    "--max-model-len", "40960", "--limit-mm-per-prompt", '{"image":126}', "--dtype", "bfloat16",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What is asked for; None is left to the card's size."""

    gpu_gib: float
    gemma: str | None = None
    """A hub id or folder; empty for none."""
    medgemma: bool | None = None
    gpus: tuple[int, ...] = ()
    """One card for both, or Gemma's and MedGemma's."""
    vllm: str = "vllm"
    host: str = "127.0.0.1"
    port: int = 8000


@dataclass(frozen=True)
class Server:
    """One server to start."""

    name: str
    model: str
    words: tuple[str, ...]
    host: str
    port: int
    environment: dict[str, str]
    exports: dict[str, str]
    """What tells the agent of it."""

    @property
    def url(self) -> str:
        """Its base URL, without /v1."""
        return f"http://{self.host}:{self.port}"

    @property
    def line(self) -> str:
        """The command as a shell takes it; a key stays where it is set."""
        told = [
            f'{name}="$WARDROUND_{self.name.upper()}_KEY"' if name == _KEY else
            f"{name}={shlex.quote(value)}"
            for name, value in self.environment.items()
        ]  # fmt: skip
        return " ".join([*told, shlex.join(self.words)])


def servers(wanted: Wanted, settings: Settings, folders: dict[str, Path]) -> list[Server]:
    """Decide what is started, in this order.

    Args:
        wanted: From the command line and the card.
        settings: A server that they name already is not started again.
        folders: Hub models that are here, by id.

    Raises:
        InvalidInput: If what is asked for does not fit the card.
    """
    gemma = _gemma(wanted, settings)
    medgemma = _has_medgemma(wanted, settings)
    apart = len(set(wanted.gpus)) > 1
    need = _need_gib(gemma, wanted.gpu_gib, beside=medgemma and not apart) if gemma else 0.0
    _require_room(need, MEDGEMMA_GIB if medgemma else 0.0, wanted.gpu_gib, apart=apart)
    found = []
    if gemma:
        found.append(_gemma_server(gemma, need, wanted, settings, folders))
    if medgemma:
        found.append(_medgemma_server(wanted, settings, folders))
    return found


def _gemma(wanted: Wanted, settings: Settings) -> str:
    """The Gemma to serve; empty for none."""
    if wanted.gemma is not None:
        return wanted.gemma
    if settings.gemma_url:
        return ""
    if settings.gemma_model:
        return settings.gemma_model
    fits = plans(wanted.gpu_gib)
    medgemma = _has_medgemma(wanted, settings) and len(set(wanted.gpus)) < 2
    return next((one.gemma.model for one in fits if one.medgemma == medgemma), "")


def _has_medgemma(wanted: Wanted, settings: Settings) -> bool:
    if wanted.medgemma is not None:
        return wanted.medgemma
    return not settings.medgemma_url and any(one.medgemma for one in plans(wanted.gpu_gib))


def _need_gib(gemma: str, gpu_gib: float, *, beside: bool) -> float:
    known = next((one.memory_gib for one in CHOICES if one.model == gemma), None)
    if known is not None:
        return known * 0.93
    return gpu_gib * 0.93 - (MEDGEMMA_GIB if beside else 0.0) - _RESERVE_GIB


def _require_room(gemma_gib: float, medgemma_gib: float, gpu_gib: float, *, apart: bool) -> None:
    most = max(gemma_gib, medgemma_gib) if apart else gemma_gib + medgemma_gib
    if most > gpu_gib * 0.95 or gemma_gib < 0:
        raise InvalidInput(
            f"The models that are asked for need {most:.0f} GiB, and the GPU has {gpu_gib:.0f}. "
            f"`wardround models --for {gpu_gib:.0f}` says what fits; --gpus 0,1 puts them on two."
        )


def _gemma_server(
    gemma: str, need: float, wanted: Wanted, settings: Settings, folders: dict[str, Path]
) -> Server:
    choice = next((one for one in CHOICES if one.model == gemma), None)
    flags = ("--max-model-len", "32768", "--reasoning-parser", "gemma4", *_own(choice))
    exports = {
        "WARDROUND_GEMMA_URL": f"http://{wanted.host}:{wanted.port}/v1",
        "WARDROUND_GEMMA_MODEL": gemma,
    }
    return _server("gemma", gemma, flags, need, 0, wanted, settings.gemma_key, folders, exports)


def _own(choice: object) -> tuple[str, ...]:
    """A choice's own flags, without its share of a whole card."""
    flags: tuple[str, ...] = getattr(choice, "flags", ())
    if "--gpu-memory-utilization" not in flags:
        return flags
    at = flags.index("--gpu-memory-utilization")
    return flags[:at] + flags[at + 2 :]


def _medgemma_server(wanted: Wanted, settings: Settings, folders: dict[str, Path]) -> Server:
    exports = {"WARDROUND_MEDGEMMA_URL": f"http://{wanted.host}:{wanted.port + 1}/v1"}
    return _server(
        "medgemma", MEDGEMMA, _MEDGEMMA_FLAGS, MEDGEMMA_GIB, 1, wanted, settings.medgemma_key,
        folders, exports,
    )  # fmt: skip


def _server(
    name: str,
    model: str,
    flags: tuple[str, ...],
    need: float,
    number: int,
    wanted: Wanted,
    key: str,
    folders: dict[str, Path],
    exports: dict[str, str],
) -> Server:
    port, place = wanted.port + number, folders.get(model)
    environment = _environment(wanted, number, key)
    words = [wanted.vllm, "serve", str(place or model)]
    if place is not None:
        words += ["--served-model-name", model]
        environment["HF_HUB_OFFLINE"] = "1"
    share = f"{need / wanted.gpu_gib:.2f}"
    words += [*flags, "--gpu-memory-utilization", share]
    words += ["--host", wanted.host, "--port", str(port)]
    return Server(name, model, tuple(words), wanted.host, port, environment, exports)


def _environment(wanted: Wanted, number: int, key: str) -> dict[str, str]:
    """No statistics are sent; the key stands in no process list."""
    told = {"VLLM_NO_USAGE_STATS": "1"}
    if wanted.gpus:
        told["CUDA_VISIBLE_DEVICES"] = str(wanted.gpus[min(number, len(wanted.gpus) - 1)])
    if key != "none":
        told[_KEY] = key
    return told
