"""Tiny random encoders in the hub's layout: the true architectures, built by their own classes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from specialists import hub

SQUARE = 32
"""Pixels of the tiny models; the true ones have 224 and 448."""


def build_siglip(folder: Path, pixels: int = SQUARE, seed: int = 3) -> Path:
    """Write a SigLIP with its SentencePiece tokenizer and processor file; gives the folder."""
    import torch
    from transformers import SiglipConfig, SiglipModel, SiglipTextConfig, SiglipVisionConfig

    tower: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    torch.manual_seed(seed)
    vision = SiglipVisionConfig(image_size=pixels, patch_size=8, **tower)
    words = build_sentencepiece(folder)
    text = SiglipTextConfig(
        vocab_size=words, max_position_embeddings=64, projection_size=32,
        bos_token_id=1, eos_token_id=1, pad_token_id=1, **tower,
    )  # fmt: skip
    config = SiglipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    model: Any = SiglipModel(config)
    with torch.no_grad():
        model.logit_scale.fill_(2.0)
        model.logit_bias.fill_(-3.0)
        for name, values in model.named_parameters():
            if "probe" in name or "position" in name:
                values.normal_(0, 0.5)
    model.save_pretrained(folder)
    told = {
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "image_processor_type": "SiglipImageProcessor",
        "rescale_factor": 1 / 255,
        "resample": 2,
        "size": {"height": pixels, "width": pixels},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder


def build_sentencepiece(folder: Path) -> int:
    """Train a tokenizer on the project's own prompts; gives the number of its pieces."""
    import sentencepiece

    prompts = Path(__file__).parents[1] / "prompts"
    lines = [
        line
        for file in sorted(prompts.glob("medsiglip_*/v1.md"))
        for line in file.read_text(encoding="utf-8").lower().splitlines()
    ]
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, vocab_size=200,
        unk_id=2, bos_id=-1, eos_id=1, pad_id=0, minloglevel=2,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spiece.model").write_bytes(written.getvalue())
    told = {
        "tokenizer_class": "SiglipTokenizer",
        "eos_token": "</s>",
        "pad_token": "</s>",
        "unk_token": "<unk>",
        "model_input_names": ["input_ids"],
        "model_max_length": 64,
        "do_lower_case": True,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return 200


def in_models(folder: Path, name: str) -> Path:
    """Where a model of the hub lies in a folder of models."""
    return folder / name.replace("/", "--")


def placed(folder: Path) -> Path:
    """Make a folder the folder of models; gives it."""
    hub.configure(folder)
    return folder


SMALL: dict[str, Any] = {"embed_dim": 32, "depth": 2, "num_heads": 2}


def build_timm(folder: Path, architecture: str, seed: int = 0, **model_args: Any) -> Path:
    """Write a timm model as its hub has it: `config.json` and safetensors; gives the folder."""
    import timm
    import torch
    from safetensors.torch import save_file

    from specialists.encoders.loading import layers

    torch.manual_seed(seed)
    model: Any = timm.create_model(architecture, num_classes=0, **layers(model_args))
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith(("weight", "embed", "token", "gamma")):
                values.normal_(0, 0.3)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / "model.safetensors", {"format": "pt"})
    told = {
        "architecture": architecture,
        "num_classes": 0,
        "model_args": {**model_args, "num_classes": 0},
        "pretrained_cfg": {
            "input_size": [3, model_args.get("img_size", 224), model_args.get("img_size", 224)],
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "interpolation": "bicubic",
            "crop_pct": 1.0,
        },
    }
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def build_dinov2(folder: Path, pixels: int = 224, seed: int = 0) -> Path:
    """Write a Dinov2 with the kind of layers that Midnight has; gives the folder."""
    import torch
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(seed)
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=pixels,
        patch_size=14, use_swiglu_ffn=True, layerscale_value=1.0,
    )  # fmt: skip
    model: Any = Dinov2Model(config)
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith("weight"):
                values.normal_(0, 0.3)
    model.save_pretrained(folder)
    return folder
