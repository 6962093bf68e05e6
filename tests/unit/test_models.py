from __future__ import annotations

import json
from pathlib import Path

import pytest

from specialists.base import BackendSpec
from specialists.registry import specs
from tools import models


def test_every_backend_is_listed_with_its_terms() -> None:
    rows = {(row["tool"], row["backend"]): row for row in models.listed()}
    known = {(spec.name, backend.name) for spec in specs().values() for backend in spec.backends}
    assert set(rows) == known | {("recogniser", "reference")}
    chest = rows["report_chest_xray", "reference"]
    assert chest["licence"].startswith("Apache-2.0")
    assert 1 < chest["weights_mib"] < 6
    assert rows["score_polygenic_risk", "reference"]["weights_mib"] is None


def test_figures_have_a_split_a_size_and_intervals() -> None:
    rows = models.figures()
    assert {"report_chest_xray", "classify_pathology", "classify_retina", "recogniser"} <= {
        row["tool"] for row in rows
    }
    for row in rows:
        assert row["part"]
        assert row["split"]
        assert row["n"] > 0
        accuracy = row["metrics"]["accuracy"]
        assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]


def test_card_beside_a_backend_of_another_package_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "othermodel.py").write_text("")
    figure = {"value": 0.9, "low": 0.8, "high": 1.0}
    metrics = {"a": {"n": 5, "accuracy": figure}, "note": {"n": 5}, "seed": 0}
    card = {"metrics": metrics, "split": {"a": {"grouped_by": "patient: by number"}}}
    (tmp_path / "big.json").write_text(json.dumps(card))
    monkeypatch.syspath_prepend(tmp_path)
    (row,) = models._figures(models._card(BackendSpec("big", "othermodel:Big")))
    assert row == {"part": "a", "split": "patient", "n": 5, "metrics": {"accuracy": figure}}
    assert models._card(BackendSpec("small", "othermodel:Small")) == {}
    assert models._card(BackendSpec("gone", "no.such.module:X")) == {}


def test_card_without_cases_says_nothing() -> None:
    assert models.sentence({}) == ""
    assert "lungs 0.965" in models.sentence(
        {"cases": [{"description": "a", "dice": {"lungs": 0.965}}]}
    )
