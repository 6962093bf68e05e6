"""The labelled pictures that the recogniser learns from: every source, its class, its groups."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from specialists.recogniser.preprocess import shrink
from specialists.training.films import person
from specialists.training.pictures import crop, generate, photographs

CLASSES = (
    "chest X-ray",
    "other radiograph",
    "CT slice",
    "MR slice",
    "fundus photograph",
    "skin image",
    "H&E tissue",
    "not a medical image",
)

STORED = 128

Picture = NDArray[np.uint8]
Case = tuple[Picture, str, str, str]
"""Picture (rows, columns, 3), class, source, group."""

MEDNIST = {
    "AbdomenCT": "CT slice",
    "HeadCT": "CT slice",
    "ChestCT": "CT slice",
    "BreastMRI": "MR slice",
    "Hand": "other radiograph",
    "CXR": "chest X-ray",
}

# VQA-RAD gives the organ only. Seen on contact sheets: every abdomen is CT, every chest a film
# (one of a specimen is left out), and of the heads these are CT, the others MR.
HEAD_CT = frozenset(
    {"16520", "23631", "34922", "39757", "42951", "45914", "46062", "46943", "48714"}
    | {"53867", "54795", "57520", "58261"}
)
LEFT_OUT = frozenset({"44865", "45364"})


def rows(folder: Path) -> list[dict[str, str]]:
    """Read `labels.csv`, completing image names that have no ending."""
    with (folder / "labels.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        row["file"] = row["image_id"] if "." in row["image_id"] else row["image_id"] + ".jpg"
    return found


def load(folder: Path, name: str) -> Picture:
    """Read one image as sRGB."""
    return np.asarray(Image.open(folder / "images" / name).convert("RGB"))


def simple(
    folder: Path, label: str, group: Callable[[Mapping[str, str]], str], every: int = 1
) -> Iterator[Case]:
    """Yield a set of one class, every n-th image."""
    for row in rows(folder)[::every]:
        yield load(folder, row["file"]), label, folder.name, f"{folder.name} {group(row)}"


def mednist(folder: Path) -> Iterator[Case]:
    """Yield the six classes of MedNIST; it names no patients, so each image is its own group."""
    for row in rows(folder):
        picture = load(folder, row["file"])
        yield picture, MEDNIST[row["label"]], f"mednist {row['label']}", row["file"]


def vqa_rad(folder: Path) -> Iterator[Case]:
    """Yield the images of VQA-RAD by organ and, for heads, by the list above."""
    questions = json.loads((folder / "trainset.json").read_text(encoding="utf-8"))
    for name, organ in sorted({q["image_name"]: q["image_organ"] for q in questions}.items()):
        number = name.removeprefix("synpic").removesuffix(".jpg")
        if number in LEFT_OUT:
            continue
        head = "CT slice" if number in HEAD_CT else "MR slice"
        label = {"CHEST": "chest X-ray", "ABD": "CT slice", "HEAD": head}[organ]
        yield load(folder, name), label, f"vqa_rad {organ} {label}", f"vqa_rad {number}"


def block(row: Mapping[str, str]) -> str:
    """Return a block of twenty consecutive slices, in place of the patient that is not named."""
    name, number = row["file"].removesuffix(".jpg").rsplit("_", 1)
    return f"{name} {int(number) // 20}"


def sarcoma_case(row: Mapping[str, str]) -> str:
    """Return the case in an osteosarcoma tile's name."""
    found = re.search(r"Case-\d+|P\d+", row["file"].split("___")[1])
    return found.group() if found else row["file"]


def invented(each: int, seed: int) -> Iterator[Case]:
    """Yield what is not medical: generated pictures and crops of shipped photographs."""
    for picture, source, group in generate(each, seed):
        yield picture, "not a medical image", source, group
    for picture, source, group in photographs(40, seed):
        yield picture, "not a medical image", source, group


def everyday(folder: Path, seed: int) -> Iterator[Case]:
    """Yield everyday pictures by their kind, photographs also in crops."""
    rng = np.random.default_rng(seed)
    for row in rows(folder):
        picture = load(folder, row["file"])
        crops = 0 if row["kind"].endswith("plot") else 8
        for shown in (picture, *(crop(Image.fromarray(picture), rng) for _ in range(crops))):
            yield shown, "not a medical image", row["kind"], row["group"]


def every_case(folders: Mapping[str, Path], seed: int) -> Iterator[Case]:
    """Yield all cases.

    Args:
        folders: `mednist`, `kermany`, `nih`, `iq_othnccd`, `idrid`, `ham10000`, `nct_crc`,
            `osteosarcoma`, `lc25000`, `vqa_rad`, `everyday`.
        seed: Of the generated pictures.
    """
    yield from mednist(folders["mednist"])
    yield from simple(folders["kermany"], "chest X-ray", lambda r: person(r["file"]), 4)
    yield from simple(folders["nih"], "chest X-ray", lambda r: r["patient_id"])
    yield from simple(folders["iq_othnccd"], "CT slice", block)
    yield from simple(folders["idrid"], "fundus photograph", lambda r: r["file"])
    yield from simple(folders["ham10000"], "skin image", lambda r: r["lesion_id"], 3)
    yield from simple(folders["nct_crc"], "H&E tissue", lambda r: r["file"])
    yield from simple(folders["osteosarcoma"], "H&E tissue", sarcoma_case)
    yield from simple(folders["lc25000"], "H&E tissue", lambda r: r["group"])
    yield from vqa_rad(folders["vqa_rad"])
    yield from everyday(folders["everyday"], seed)
    yield from invented(150, seed)


@dataclass(frozen=True)
class Pictures:
    """All cases: images (n, 3, STORED, STORED) uint8, labels (n,), source and group names."""

    images: Tensor
    labels: NDArray[np.intp]
    sources: list[str]
    groups: list[str]


def read_pictures(folders: Mapping[str, Path], seed: int, every: int = 1) -> Pictures:
    """Read every source, or every n-th case for a trial."""
    images, labels, sources, groups = [], [], [], []
    for index, (picture, label, source, group) in enumerate(every_case(folders, seed)):
        if index % every:
            continue
        images.append(shrink(picture, STORED))
        labels.append(CLASSES.index(label))
        sources.append(source)
        groups.append(group)
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    return Pictures(stacked, np.array(labels), sources, groups)
