"""Tiny random Gemma checkpoints in the hub's layout, with a byte tokenizer and a chat template."""

from __future__ import annotations

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


def build_tokenizer(folder: Path) -> int:
    """Write the tokenizer; gives the number of its tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *_letters()])}
    bytewise = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=bytewise,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        additional_special_tokens=SPECIAL[3:],
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    return len(vocabulary)
