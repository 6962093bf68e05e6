"""Tiny random Gemma checkpoints in the hub's layout, with a byte tokenizer and a chat template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPECIAL = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
PADDING = 27
"""Rows of the embedding beyond the tokenizer's vocabulary, as real checkpoints have them."""
SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 4096,
    "sliding_window": 64,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
SEEDS = {"gemma3": 4, "gemma4": 1}
"""Weights whose greedy plan ends soon: most write their strings to the limit."""
URGES = {'"': 30.0, "}": 40.0, "]": 14.0, "{": 20.0, "c": 6.0, "a": 3.0}
"""How much a terse model is drawn to end strings and objects, and to call."""
LAYERS = ["sliding_attention", "full_attention"]
SEEING = ["<start_of_image>", "<end_of_image>", "<image_soft_token>", "<unused94>", "<unused95>"]
SEEING_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m.role }}\n{% for part in m.content %}"
    "{% if part.type == 'image' %}<start_of_image>{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
IMAGE, TOKENS = 56, 4
"""Edge of a picture as the small model sees it: 16 patches, of which 4 tokens are made."""


def build_checkpoint(folder: Path, family: str) -> Path:
    """Write config, weights (bfloat16) and tokenizer of `gemma3` or `gemma4`; gives the folder."""
    import torch
    from transformers import (
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        Gemma4ForCausalLM,
        Gemma4TextConfig,
    )

    width = build_tokenizer(folder) + PADDING
    torch.manual_seed(SEEDS[family])
    model: Any
    if family == "gemma3":
        config = Gemma3TextConfig(
            vocab_size=width, num_hidden_layers=2, layer_types=LAYERS, **SHAPE
        )
        model = Gemma3ForCausalLM(config)
    else:
        config4 = Gemma4TextConfig(
            vocab_size=width,
            num_hidden_layers=4,
            layer_types=LAYERS * 2,
            global_head_dim=16,
            hidden_size_per_layer_input=8,
            vocab_size_per_layer_input=width,
            num_kv_shared_layers=2,
            **SHAPE,
        )
        model = Gemma4ForCausalLM(config4)
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def build_terse(folder: Path) -> Path:
    """Write a Gemma 3 that calls a tool and ends its strings as soon as it may; gives the folder.

    Its heads have the least size for which vLLM has attention on a processor.
    """
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    shape = {**SHAPE, "head_dim": 32, "max_position_embeddings": 8192}
    width = build_tokenizer(folder) + PADDING
    config = Gemma3TextConfig(
        vocab_size=width, num_hidden_layers=1, layer_types=["full_attention"], **shape
    )
    model: Any = Gemma3ForCausalLM(config)
    rows = model.get_input_embeddings().weight
    with torch.no_grad():
        common = torch.nn.functional.normalize(torch.randn(rows.shape[1]), dim=0) * rows.std()
        rows += 12 * common
        for letter, urge in URGES.items():
            rows[_letters().index(letter) + len(SPECIAL)] += urge * common
        for name, scale in model.named_parameters():
            if "post_" in name:  # what a layer adds: little, so that the direction stays
                scale.fill_(-0.7)
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def _letters() -> list[str]:
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def build_tokenizer(folder: Path, *, seeing: bool = False) -> int:
    """Write the tokenizer, where asked for with tokens of pictures; gives the number of tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = [*SPECIAL, *_letters(), *(SEEING if seeing else ())]
    vocabulary = {token: number for number, token in enumerate(known)}
    named = dict(zip(("boi_token", "eoi_token", "image_token"), SEEING, strict=False))
    bytewise = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=bytewise,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        additional_special_tokens=SPECIAL[3:],
        **({"model_specific_special_tokens": named} if seeing else {}),
    )
    if seeing:
        fast.add_tokens(SEEING[3:])
    fast.chat_template = SEEING_TEMPLATE if seeing else TEMPLATE
    fast.save_pretrained(folder)
    return len(vocabulary)


def build_seeing(folder: Path) -> Path:
    """Write a Gemma 3 that takes pictures, with its processor's files; gives the folder.

    It writes to the limit.
    """
    import torch
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    width = build_tokenizer(folder, seeing=True)
    write_processor(folder)
    torch.manual_seed(5)
    config = Gemma3Config(
        text_config={
            **SHAPE, "vocab_size": width + PADDING, "num_hidden_layers": 2, "layer_types": LAYERS,
            "max_position_embeddings": 8192,
        },
        vision_config={
            "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 64,
            "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": IMAGE, "patch_size": 14,
            "vision_use_head": False,
        },
        mm_tokens_per_image=TOKENS,
        boi_token_index=width - 5,
        eoi_token_index=width - 4,
        image_token_index=width - 3,
        eos_token_id=[1, 4],
    )  # fmt: skip
    model: Any = Gemma3ForConditionalGeneration(config)
    with torch.no_grad():
        # As training would leave it: a picture weighs as much as words do.
        model.model.multi_modal_projector.mm_input_projection_weight.normal_(std=0.3)
        # Never the likeliest: the model writes letters as long as it may.
        rows = model.get_input_embeddings().weight
        rows[: len(SPECIAL)] = 0
        rows[width - len(SEEING) :] = 0
    model.generation_config.eos_token_id = [1, 4]
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def write_processor(folder: Path, image: int = IMAGE, tokens: int = TOKENS) -> None:
    """As the hub has it: the tokens of a picture, and how its pixels are prepared."""
    prepared = {
        "image_processor_type": "Gemma3ImageProcessor", "do_resize": True, "resample": 2,
        "size": {"height": image, "width": image}, "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
        "do_convert_rgb": True,
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared), encoding="utf-8")
    named = {"processor_class": "Gemma3Processor", "image_seq_length": tokens}
    (folder / "processor_config.json").write_text(json.dumps(named), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(SEEING_TEMPLATE, encoding="utf-8")
