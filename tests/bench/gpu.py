"""What the hub's models cost on a GPU: true-size models of chance, through the loading code.

`python -m tests.bench.gpu` writes gpu.md and gpu.json beside this file, with the device's name;
`wardround models` shows them. `--tiny --device cpu --out FOLDER` tries all of it at small size.
Chance answers nothing, but costs what the trained model does. Sources of the sizes: the
configurations of google/medgemma-1.5-4b-it, google/medsiglip-448 and bioptimus/H-optimus-0.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.hub_models import H_OPTIMUS_0, MEDGEMMA_1_5_4B, MEDSIGLIP
from tests.bench.gpu_table import as_markdown

BATCHES = (1, 2, 4, 8, 16, 32)
TOKENS, SLICES = 64, 85
GIB = 2**30
Pictures = list[NDArray[np.uint8]]
_VISION = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27,
           "num_attention_heads": 16, "patch_size": 14}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """How the measuring is done."""

    device: str
    tiny: bool

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    def pictures(self, side: int) -> Pictures:
        chance = np.random.default_rng(0)
        count = 8 if self.tiny else 256
        return [chance.integers(0, 256, (side, side, 3), np.uint8) for _ in range(count)]


def main(words: list[str] | None = None) -> int:
    options = _parser().parse_args(words)
    import torch

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("check-gpu: skipped; torch sees no GPU here (torch.cuda.is_available() is false)")
        return 0
    run = Run(options.device, options.tiny)
    found = {}
    for model, measure in (
        (MEDGEMMA_1_5_4B, medgemma), (MEDSIGLIP, medsiglip), (H_OPTIMUS_0, h_optimus),
    ):  # fmt: skip
        if measure is h_optimus and find_spec("timm") is None:
            print(f"check-gpu: {model.id} is left out; it needs timm (extra hub)")
            continue
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            print(f"check-gpu: {model.id}", file=sys.stderr)
            found[model.id] = {"device": _device_name(run), **measure(run, Path(folder))}
        _release(run)
    _write(run, found, options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    taken = argparse.ArgumentParser(description=__doc__)
    taken.add_argument("--device", default="cuda:0")
    taken.add_argument("--tiny", action="store_true")
    taken.add_argument("--out", type=Path, default=Path(__file__).parent)
    taken.add_argument("--scratch", type=Path, help="where a model of 8 GiB lies for a while")
    return taken


def medgemma(run: Run, folder: Path) -> dict[str, Any]:
    """Time to the first token, for one picture and for a CT, and tokens a second after it."""
    from specialists.medgemma.client import Part, Watch
    from specialists.medgemma.local import LocalClient

    build_medgemma(run, folder)
    with _peak(run) as told, _seconds(told, "load_s"):
        client = LocalClient(folder, run.device)
    side = client._processor.image_processor.size["height"]
    film: list[Part] = [*run.pictures(side)[:1], "Describe this X-ray"]
    slices = 3 if run.tiny else SLICES
    scan: list[Part] = [part for n, one in enumerate(run.pictures(side)[:slices], 1)
                        for part in (one, f"SLICE {n}")]  # fmt: skip

    def first(parts: list[Part]) -> Callable[[], Any]:
        return lambda: client.write(parts, 1, Watch(lambda *_: None, 0.0, "measured"))

    with _peak(run) as told_more:
        told["first_token_s"] = _best(run, first(film))
        told[f"first_token_of_{slices}_slices_s"] = _best(run, first(scan), times=1)
        told["tokens_per_second"] = _rate(run, client, film, told["first_token_s"])
    return {**told, "peak_gib": told_more["peak_gib"]}


def build_medgemma(run: Run, folder: Path) -> None:
    """Write a model of chance with MedGemma 1.5 4B's configuration, in bfloat16."""
    import torch
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    from tests.checkpoints import build_seeing, build_tokenizer, write_processor

    if run.tiny:
        build_seeing(folder)
        return
    width = build_tokenizer(folder, seeing=True)
    write_processor(folder, image=896, tokens=256)
    config = Gemma3Config(
        text_config={
            "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
            "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
            "vocab_size": 262208, "sliding_window": 1024, "max_position_embeddings": 131072,
        },
        vision_config={
            "model_type": "siglip_vision_model", **_VISION, "image_size": 896,
            "vision_use_head": False,
        },
        mm_tokens_per_image=256,
        boi_token_index=width - 5,
        eoi_token_index=width - 4,
        image_token_index=width - 3,
    )  # fmt: skip
    with _of_chance(run, torch.bfloat16):
        model: Any = Gemma3ForConditionalGeneration(config)
    model.save_pretrained(folder)


def _rate(run: Run, client: Any, parts: list[Any], first_s: float) -> float:
    """Tokens a second after the first."""
    import torch

    count = 8 if run.tiny else TOKENS
    prompt = client._prompt(parts, count)

    def write() -> None:
        with torch.inference_mode():
            client._model.generate(
                **prompt, do_sample=False, min_new_tokens=count, max_new_tokens=count
            )

    return float((count - 1) / max(_best(run, write) - first_s, 1e-9))


def medsiglip(run: Run, folder: Path) -> dict[str, Any]:
    """Pictures a second through the tower of images."""
    from specialists.encoders.running import run_batches
    from specialists.siglip.model import Siglip

    build_medsiglip(run, folder)
    with _peak(run) as told, _seconds(told, "load_s"):
        model = Siglip(folder, run.device)

    def many(pictures: Pictures, batch: int) -> Any:
        return run_batches(model.pixels.prepared, model._images, pictures, batch)

    bare = lambda inputs: model._model.get_image_features(pixel_values=inputs)  # noqa: E731
    return told | _encoder(run, model.pixels.size, many, bare, model.pixels.prepared)


def build_medsiglip(run: Run, folder: Path) -> None:
    """Write a model of chance with MedSigLIP's configuration."""
    from tests.encoders import build_sentencepiece, build_siglip

    build_siglip(folder)
    if run.tiny:
        return
    import torch
    from transformers import SiglipConfig, SiglipModel

    tower = {name: value for name, value in _VISION.items() if name != "patch_size"}
    words = build_sentencepiece(folder)
    text = {**tower, "vocab_size": words, "max_position_embeddings": 64, "projection_size": 1152,
            "bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 1}  # fmt: skip
    config = SiglipConfig(text_config=text, vision_config={**_VISION, "image_size": 448})
    with _of_chance(run, torch.float32):
        model: Any = SiglipModel(config)
    model.save_pretrained(folder)
    place = folder / "preprocessor_config.json"
    told = json.loads(place.read_text()) | {"size": {"height": 448, "width": 448}}
    place.write_text(json.dumps(told))


def h_optimus(run: Run, folder: Path) -> dict[str, Any]:
    """Pictures a second through H-optimus-0."""
    from dataclasses import replace

    from specialists.encoders.features import FeatureEncoder
    from specialists.encoders.pixels import prepared
    from specialists.encoders.table import ENCODERS
    from tests.encoders import SMALL, build_timm

    encoder = ENCODERS[H_OPTIMUS_0.id]
    small = SMALL if run.tiny else {}
    with _of_chance(run, None):
        build_timm(
            folder, "vit_giant_patch14_reg4_dinov2", img_size=224, **small, **encoder.model_args
        )
    encoder = replace(encoder, width=32) if run.tiny else encoder
    with _peak(run) as told, _seconds(told, "load_s"):
        model = FeatureEncoder(encoder, folder, run.device)
    return told | _encoder(
        run, 224, model.features, model._tokens, lambda many: prepared(encoder, many)
    )


def _encoder(
    run: Run,
    side: int,
    many: Callable[[Pictures, int], Any],
    bare: Callable[[Any], Any],
    prepared: Callable[[Pictures], NDArray[np.float32]],
) -> dict[str, Any]:
    """Pictures a second by batch, and what share that is of a loop over pictures on the device."""
    import torch

    from specialists.encoders.running import half_of

    pictures, dtype = run.pictures(side), half_of(run.device)
    rates, shares = {}, {}
    with _peak(run) as told:
        for batch in (1, 4) if run.tiny else BATCHES:
            inputs = torch.from_numpy(prepared(pictures[:batch])).to(run.device, dtype)

            def loop(inputs: Any = inputs, batch: int = batch) -> None:
                with torch.inference_mode():
                    for _ in range(len(pictures) // batch):
                        bare(inputs)

            ours = len(pictures) / _best(run, lambda batch=batch: many(pictures, batch))
            rates[str(batch)] = round(ours, 1)
            shares[str(batch)] = round(ours * _best(run, loop) / len(pictures), 2)
    return {"images_per_second": rates, "of_a_bare_loop": shares, **told}


@contextmanager
def _of_chance(run: Run, dtype: Any) -> Iterator[None]:
    """Weights are made on the device, in this number format."""
    import torch

    kept = torch.get_default_dtype()
    if dtype is not None:
        torch.set_default_dtype(dtype)
    try:
        with torch.device(run.device):
            yield
    finally:
        torch.set_default_dtype(kept)


def _best(run: Run, work: Callable[[], Any], times: int = 3) -> float:
    """The shortest of several, after one that warms up."""
    work()
    return min(_timed(run, work) for _ in range(times))


def _timed(run: Run, work: Callable[[], Any]) -> float:
    _wait(run)
    started = time.perf_counter()
    work()
    _wait(run)
    return time.perf_counter() - started


@contextmanager
def _seconds(told: dict[str, Any], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    told[name] = round(time.perf_counter() - started, 2)


@contextmanager
def _peak(run: Run) -> Iterator[dict[str, Any]]:
    """Adds the most memory that was held on the GPU; None on a processor."""
    import torch

    told: dict[str, Any] = {}
    if run.on_gpu:
        torch.cuda.reset_peak_memory_stats(run.device)
    yield told
    peak = torch.cuda.max_memory_allocated(run.device) / GIB if run.on_gpu else None
    told["peak_gib"] = None if peak is None else round(peak, 2)


def _wait(run: Run) -> None:
    import torch

    if run.on_gpu:
        torch.cuda.synchronize(run.device)


def _release(run: Run) -> None:
    import torch

    gc.collect()
    if run.on_gpu:
        torch.cuda.empty_cache()


def _device_name(run: Run) -> str:
    import torch

    name = torch.cuda.get_device_name(run.device) if run.on_gpu else "processor"
    return f"{name}, tiny models" if run.tiny else name


def _write(run: Run, found: dict[str, dict[str, Any]], out: Path) -> None:
    import torch

    told = {"device": _device_name(run), "torch": torch.__version__, "models": found}
    (out / "gpu.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    (out / "gpu.md").write_text(as_markdown(told), encoding="utf-8")
    print(f"check-gpu: measured on {told['device']}")


if __name__ == "__main__":
    sys.exit(main())
