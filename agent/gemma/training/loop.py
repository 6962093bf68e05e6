"""Training from scratch on one processor core: seeded, with progress, and to be continued."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.gemma.embedded.checkpoint import empty_model
from agent.gemma.training.batches import Batch, batched
from agent.gemma.training.cases import GROUP, generate
from agent.gemma.training.vocabulary import train_tokenizer

__all__ = ["Course", "configuration", "save_weights", "train"]


@dataclass(frozen=True)
class Course:
    """What a training run is made of."""

    seed: int = 0
    steps: int = 2300
    catalogues: int = 5
    """Catalogues a step; each comes with several consultations."""
    rate: float = 2e-3
    warm_up: int = 60
    cooling: float = 0.35
    """Share of the run, at its end, in which the rate falls to nothing."""
    decay: float = 0.05
    averaged: float = 0.995
    """Of the weights that are kept, what stays of the mean at each step."""
    hidden: int = 256
    layers: int = 4
    feed_forward: int = 768
    heads: int = 4
    save_every: int = 50


def configuration(course: Course, vocabulary: int) -> dict[str, Any]:
    """The model's configuration, as `config.json` has it."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": course.hidden,
        "intermediate_size": course.feed_forward,
        "num_hidden_layers": course.layers,
        "num_attention_heads": course.heads,
        "num_key_value_heads": course.heads // 2,
        "head_dim": course.hidden // course.heads,
        "query_pre_attn_scalar": course.hidden // course.heads,
        "max_position_embeddings": 4096,
        "layer_types": ["full_attention"] * course.layers,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 8,
    }


def train(folder: Path, course: Course, resume: bool = False, start: Path | None = None) -> Path:
    """Train and write `config.json`, `tokenizer.json` and `model.safetensors`.

    Args:
        folder: Where everything goes; `state.pt` in it is what `resume` goes on from.
        course: What to do.
        resume: Go on where a run in the same folder stopped.
        start: Folder of a checkpoint to begin with: its weights and its tokenizer.

    Returns:
        The folder.
    """
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(course.seed)
    words, state, first = folder / "tokenizer.json", folder / "state.pt", 0
    if not (resume and words.exists()):
        known = (start / "tokenizer.json").read_text("utf-8") if start else None
        words.write_text(known or train_tokenizer(course.seed), encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(words))
    config = configuration(course, tokenizer.get_vocab_size())
    model, mean_model = empty_model(config), empty_model(config)
    model.config._attn_implementation = "sdpa"
    if start is not None:
        model.load_state_dict(load_file(start / "model.safetensors"), strict=False)
    mean_model.load_state_dict(model.state_dict())
    optimiser = torch.optim.AdamW(_groups(model, course), betas=(0.9, 0.98))
    if resume and state.exists():
        kept = torch.load(state, weights_only=True)
        model.load_state_dict(kept["model"])
        mean_model.load_state_dict(kept["mean"])
        optimiser.load_state_dict(kept["optimiser"])
        first = kept["step"]
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    (folder / "course.json").write_text(json.dumps(asdict(course), indent=1), encoding="utf-8")
    began, seen, mean = time.monotonic(), 0, 0.0
    for step in range(first, course.steps):
        cases = generate(1_000_000 * (course.seed + 1) + step, GROUP * course.catalogues)
        batch = batched(cases, tokenizer)
        loss = _step(model, optimiser, batch, _rate(step, course))
        _average(mean_model, model, min(course.averaged, (1 + step) / (10 + step)))
        seen += batch.tokens.numel()
        mean = loss if step == first else 0.95 * mean + 0.05 * loss
        if step % 20 == 0:
            spent = time.monotonic() - began
            left = spent / (step - first + 1) * (course.steps - step - 1)
            _tell(f"step {step} loss {mean:.4f} {seen / spent:.0f} tok/s left {left / 60:.0f} min")
        if (step + 1) % course.save_every == 0 or step + 1 == course.steps:
            kept = {"model": model.state_dict(), "mean": mean_model.state_dict()}
            kept = {**kept, "optimiser": optimiser.state_dict(), "step": step + 1}
            torch.save(kept, folder / "state.part")
            (folder / "state.part").replace(state)
            save_weights(mean_model, folder)
    return folder


def _average(mean: Any, model: Any, stays: float) -> None:
    """Move the mean of the weights towards those of the last step."""
    import torch

    with torch.no_grad():
        for old, new in zip(mean.parameters(), model.parameters(), strict=True):
            old.lerp_(new, 1.0 - stays)


def save_weights(model: Any, folder: Path) -> None:
    """Write the weights in bfloat16; the output layer is the embedding."""
    import torch
    from safetensors.torch import save_file

    weights = {
        name: value.to(torch.bfloat16).contiguous().clone()
        for name, value in model.state_dict().items()
        if name != "lm_head.weight"
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _groups(model: Any, course: Course) -> list[dict[str, Any]]:
    """Norms and embeddings are not decayed."""
    matrices = [p for n, p in model.named_parameters() if p.dim() > 1 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() < 2 or "embed" in n]
    return [
        {"params": matrices, "weight_decay": course.decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _rate(step: int, course: Course) -> float:
    if step < course.warm_up:
        return course.rate * (step + 1) / course.warm_up
    left = (course.steps - step) / (course.cooling * course.steps)
    return course.rate * min(1.0, max(0.02, left))


def _step(model: Any, optimiser: Any, batch: Batch, rate: float) -> float:
    import torch

    for group in optimiser.param_groups:
        group["lr"] = rate
    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        out = model.model(
            input_ids=batch.tokens,
            position_ids=batch.positions,
            attention_mask={"full_attention": batch.mask.to(torch.bfloat16)},
            use_cache=False,
        ).last_hidden_state
        weights = batch.weights[:, 1:]
        chosen = weights > 0
        logits = model.lm_head(out[:, :-1][chosen])
    targets, weights = batch.tokens[:, 1:][chosen], weights[chosen]
    each = torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
    loss = (each * weights).sum() / weights.sum()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    answers = weights == 1.0
    return float(each[answers].mean().detach())


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
