"""`python -m agent.gemma.training --out DIR [--start DIR] [--resume] [--cases FILE]`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from agent.gemma.training.loop import Course, train


def main() -> None:
    """Train the shipped Gemma, from scratch or on from another checkpoint of the same make."""
    import torch

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--resume", action="store_true", help="go on where a run stopped")
    parser.add_argument("--start", type=Path, help="folder of a checkpoint to begin with")
    parser.add_argument("--rate", type=float, default=Course.rate, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=Course.steps)
    parser.add_argument("--cases", type=Path, nargs="+", help="validation cases: write the card")
    parser.add_argument("--unseen", type=Path, help="further cases, only measured")
    parser.add_argument("--measure", action="store_true", help="only the card, for --cases")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if not chosen.measure:
        course = Course(seed=chosen.seed, steps=chosen.steps, rate=chosen.rate)
        train(chosen.out, course, chosen.resume, chosen.start)
    if chosen.cases is not None:
        from agent.gemma.training.card import write_card

        card = write_card(chosen.out, chosen.cases, _command(chosen), chosen.unseen)
        print(json.dumps(card["figures"], indent=1))


def _command(chosen: argparse.Namespace) -> str:
    """The line that trains this checkpoint, or goes on from the one shipped before."""
    begun = " --start SHIPPED_BEFORE" if chosen.start else ""
    course = f"--seed {chosen.seed} --rate {chosen.rate:g} --steps {chosen.steps}"
    return f"python -m agent.gemma.training --out DIR{begun} {course}"


if __name__ == "__main__":
    main()
