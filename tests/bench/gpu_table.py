"""The figures of `tests.bench.gpu` as Markdown."""

from __future__ import annotations

from typing import Any


def as_markdown(told: dict[str, Any]) -> str:
    encoders = {n: one for n, one in told["models"].items() if "images_per_second" in one}
    lines = [
        f"# Measured on {told['device']}, torch {told['torch']}",
        "",
        "By `make check-gpu`, on models of chance of the true size; the best of three.",
        "",
        *_costs(told["models"]),
        "",
        "Images a second by batch (share of a bare loop over the same model):",
        "",
        *_rates(encoders),
        *_longer(told["models"]),
    ]
    return "\n".join(lines) + "\n"


def _costs(models: dict[str, dict[str, Any]]) -> list[str]:
    names = ("load_s", "peak_gib", "first_token_s", "tokens_per_second")
    head = [
        "| model | load s | peak GiB | first token s | tokens a second |",
        "|---|---|---|---|---|",
    ]
    return head + [
        f"| `{model}` | " + " | ".join(_figure(one.get(name)) for name in names) + " |"
        for model, one in models.items()
    ]


def _rates(encoders: dict[str, dict[str, Any]]) -> list[str]:
    batches = list(next(iter(encoders.values()))["images_per_second"])
    lines = ["| model | " + " | ".join(batches) + " |", "|---" * (len(batches) + 1) + "|"]
    for model, one in encoders.items():
        rates, shares = one["images_per_second"], one["of_a_bare_loop"]
        cells = (f"{rates[batch]:.1f} ({shares[batch]:.0%})" for batch in batches)
        lines.append(f"| `{model}` | " + " | ".join(cells) + " |")
    return lines


def _longer(models: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"\n`{model}`: {name.removesuffix('_s').replace('_', ' ')}: {value:.2f} s"
        for model, one in models.items()
        for name, value in one.items()
        if name.startswith("first_token_of")
    ]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
