"""The shipped checkpoint in the hub's layout, as servers read it, and the line that serves it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["SERVED", "serve_line", "served_name", "write_layout"]

SERVED = "wardround-gemma"
"""How the model's name at a server begins; the start of its weights' digest follows."""

_ARCHITECTURE = {
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    "dtype": "bfloat16",
}
_TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<bos>",
    "eos_token": "<end>",
    "pad_token": "<pad>",
}
_GENERATION = {"do_sample": False, "bos_token_id": 1, "eos_token_id": 8, "pad_token_id": 0}


def served_name(card: Mapping[str, Any]) -> str:
    """The name under which these weights, and no others, are served."""
    return f"{SERVED}-{str(card.get('sha256', ''))[:12]}"


def write_layout(folder: Path, source: Path | None = None) -> str:
    """Write config, weights and tokenizer as the hub has them; no torch is needed.

    Args:
        folder: Made where it is not there.
        source: Folder of another checkpoint of the same make.

    Returns:
        The name to serve it under.
    """
    source = source or Path(str(files("agent.gemma.embedded")))
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    _write(folder / "config.json", _ARCHITECTURE | config)
    _write(folder / "tokenizer_config.json", _TOKENIZER)
    _write(folder / "generation_config.json", _GENERATION)
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copyfile(source / name, folder / name)
    return served_name(json.loads((source / "card.json").read_text(encoding="utf-8")))


def serve_line(folder: Path, name: str) -> str:
    """The exact vLLM command: single precision, and the grammars of llguidance."""
    return (
        f"vllm serve {folder} --served-model-name {name} --dtype float32 "
        "--structured-outputs-config.backend guidance"
    )


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
