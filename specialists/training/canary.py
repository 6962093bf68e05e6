"""Writes what reference models make of the known picture into their cards.

    python -m specialists.training.canary [NAME ...]

NAME is a folder of `specialists` such as chest_xray; all that have a model of pictures when none
is named. A training command does this for the weights that it writes.
"""

import argparse
import json
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import specialists
from specialists.canary import observe

HOME = Path(specialists.__file__).parent


def net_class(name: str) -> Any:
    """Return the class in `specialists.NAME.predict` that has a canary; None if none has."""
    path = f"specialists.{name}.predict"
    if not (HOME / name / "predict.py").is_file():
        return None
    found = vars(import_module(path)).values()
    own = (one for one in found if isinstance(one, type) and one.__module__ == path)
    return next((one for one in own if hasattr(one, "canary")), None)


def trained(card: Mapping[str, Any]) -> str:
    """Return which model a card is of, by its training command; empty where it has none."""
    found = re.search(r"specialists\.training\.(\w+)", str(card.get("command", "")))
    return found.group(1) if found else ""


def canary_of(card: Mapping[str, Any], folder: Path) -> dict[str, list[float]]:
    """Run the weights and the card that a folder holds: what to add to that card."""
    net = net_class(trained(card))
    if net is None or not (folder / "reference.safetensors").is_file():
        return {}
    return {"canary": observe(net(folder))}


def record(name: str) -> None:
    """Add the canary to the card of a shipped model, or bring it up to date."""
    path = HOME / name / "reference.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card |= canary_of(card, path.parent)
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and write the cards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    shipped = sorted(path.parent.name for path in HOME.glob("*/reference.safetensors"))
    for name in parser.parse_args().names or shipped:
        record(name)


if __name__ == "__main__":
    main()
