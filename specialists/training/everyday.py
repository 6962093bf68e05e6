"""Collects the everyday pictures that the recogniser learns to turn away.

    python -m specialists.training.everyday --backgrounds DIR --samples DIR --plots DIR --out DIR

The first three are folders of unpacked Debian 12 packages: `usr/share/backgrounds` of
gnome-backgrounds, lomiri-wallpapers-16.04, lomiri-wallpapers-20.04 and ukui-wallpapers together;
the `examples` of opencv-doc; the `html/_images` of python-sklearn-doc. What is written is a data
folder as `specialists.training.recogniser --everyday` takes it.
"""

import argparse
import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

KINDS = {"backgrounds": "background", "samples": "sample", "plots": "plot"}
ENDINGS = (".jpg", ".png", ".webp")
LONGER_SIDE, LEAST_SIDE = 400, 100
MOST, MOST_ALIKE = 400, 4
"""Pictures of a kind, and samples of one name."""
SAME = {
    "leuvenA": "leuven", "leuvenB": "leuven", "aloeL": "aloe", "aloeR": "aloe", "aloeGT": "aloe",
    "box_in_scene": "box", "ela_modified": "ela", "ela_original": "ela", "": "board",
}  # fmt: skip
"""Samples that show one scene under several names."""


class Found(NamedTuple):
    """A picture with the name of what it shows."""

    order: str
    name: str
    content: bytes
    """JPEG."""


def named(stem: str, kind: str) -> str:
    """Return what a picture shows, by its file's name: views and numbers of one thing are alike."""
    stem = re.sub(r"\d+", "", stem) if kind == "sample" else stem
    stem = re.sub(r"[-_]?(left|right|thumb|Portrait).*$", "", stem)
    return re.sub(r"_\d\d\d$", "", stem)


def shrunk(path: Path) -> bytes | None:
    """Return a picture as a small JPEG; None where it can't be read or is too small."""
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (UnidentifiedImageError, OSError):
        return None
    if min(image.size) < LEAST_SIDE:
        return None
    image.thumbnail((LONGER_SIDE, LONGER_SIDE))
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def found(folder: Path, kind: str) -> Iterator[Found]:
    """Yield the pictures of a folder in the order of their paths."""
    alike: Counter[str] = Counter()
    paths = sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS)
    for path in paths:
        name = named(path.stem, kind)
        if kind == "plot" and path.suffix != ".png":
            continue
        if "screenshot" in path.name or (kind == "plot" and "math" in path.parts):
            continue
        if kind == "sample" and (path.suffix == ".webp" or alike[name] >= MOST_ALIKE):
            continue
        content = shrunk(path)
        if content is not None:
            alike[name] += 1
            yield Found(f"{name}--{sum(alike.values()) - 1:03d}", name, content)


def different(pictures: Sequence[Found]) -> list[Found]:
    """Leave out what looks the same at 16 x 16 pixels, and what is too much."""
    seen: dict[str, Found] = {}
    for one in sorted(pictures):
        with Image.open(BytesIO(one.content)) as opened:
            small = opened.resize((16, 16)).tobytes()
        seen.setdefault(hashlib.md5(small, usedforsecurity=False).hexdigest(), one)
    return list(seen.values())[:MOST]


def collect(folders: Mapping[str, Path], out: Path) -> list[dict[str, str]]:
    """Write `images/` and `labels.csv` of the folders of each kind; returns the rows."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for kind, folder in folders.items():
        for number, one in enumerate(different(list(found(folder, kind))), start=1):
            name = f"{kind}_{number:03d}.jpg"
            (out / "images" / name).write_bytes(one.content)
            thing = re.sub(r"-[dl]$", "", SAME.get(one.name, one.name))
            thing = re.sub(r"^sphx_glr_", "", thing) if kind == "plot" else thing
            rows.append({"image_id": name, "kind": f"world {kind}", "group": f"{kind} {thing}"})
    with (out / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["image_id", "kind", "group"])
        writer.writeheader()
        writer.writerows(rows)
    return rows


def main() -> None:
    """Collect."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in (*KINDS, "out"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    collect({kind: getattr(options, name) for name, kind in KINDS.items()}, options.out)


if __name__ == "__main__":
    main()
