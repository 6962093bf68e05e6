"""MONAI bundles: folders of configuration, weights and code, used only as they were pinned.

A bundle's code runs in this process, so somebody has to have read it. `pin` writes the digests of
all its files once that is done; `opened` gives a bundle only while every file is the one that was
pinned, and there is no other. Weights are read without a pickle's powers.

    python -m specialists.bundles.pinned FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from specialists import hub
from specialists.errors import BackendUnavailable, InvalidInput

__all__ = ["Bundle", "opened", "pin"]

_PASSED = ("__pycache__", ".git")


class Bundle:
    """A bundle that is as it was pinned.

    Args:
        folder: Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def config(self, name: str = "inference") -> Any:
        """Give a MONAI ConfigParser over one of its configurations and its metadata.

        Raises:
            BackendUnavailable: If there is none of that name.
        """
        from monai.bundle.config_parser import ConfigParser

        place = self.folder / "configs" / f"{name}.json"
        if not place.is_file():
            raise BackendUnavailable(f"The bundle has no configuration {name}.")
        parser = ConfigParser()
        parser.read_meta(self.folder / "configs" / "metadata.json")
        parser.read_config(place)
        parser["bundle_root"] = str(self.folder)
        return parser

    def weights(self, name: str = "model.pt") -> dict[str, Any]:
        """Read its weights: tensors and nothing that runs.

        Raises:
            BackendUnavailable: If they are missing or hold anything else.
        """
        import pickle

        import torch

        try:
            place = self.folder / "models" / name
            state: dict[str, Any] = torch.load(place, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError):
            raise BackendUnavailable("The bundle's weights can't be read as weights.") from None
        return state


def opened(folder: Path) -> Bundle:
    """Give a bundle, once all of its files are seen to be those that were pinned.

    Raises:
        BackendUnavailable: If it was never pinned, or a file is another, missing or new.
    """
    place = _record(folder)
    if not place.is_file():
        raise BackendUnavailable(
            "The bundle is not pinned. Read its code, then: python -m specialists.bundles.pinned "
            "FOLDER."
        )
    known: dict[str, str] = json.loads(place.read_text(encoding="utf-8"))
    found = _digests(folder)
    wrong = sorted(
        name for name in known.keys() | found.keys() if known.get(name) != found.get(name)
    )
    if wrong:
        raise BackendUnavailable(f"The bundle is not as it was pinned: {', '.join(wrong[:3])}.")
    return Bundle(folder)


def pin(folder: Path) -> Path:
    """Write down the digests of a bundle's files; gives the record's place.

    Raises:
        InvalidInput: If the folder is no bundle.
    """
    if not (folder / "configs" / "metadata.json").is_file():
        raise InvalidInput("The folder is no MONAI bundle: configs/metadata.json is missing.")
    place = _record(folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(_digests(folder), indent=2, sort_keys=True) + "\n", "utf-8")
    return place


def _record(folder: Path) -> Path:
    """Beside the bundles and not in them: a bundle can't bring its own."""
    return hub.folder() / "bundles" / f"{folder.name}.json"


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part in _PASSED for part in path.parts):
            with path.open("rb") as stream:
                name = path.relative_to(folder).as_posix()
                found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def main() -> None:
    """Read the command line and pin."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    sys.stdout.write(f"{pin(parser.parse_args().folder)}\n")


if __name__ == "__main__":
    main()
