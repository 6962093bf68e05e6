from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from specialists import hub
from specialists.base import BackendSpec, Picture, Reading, Request, Source
from specialists.errors import InvalidInput
from specialists.host import Host
from specialists.recalibration.apply import calibrated, judged
from specialists.recalibration.fit import Case, fit_part
from specialists.recalibration.record import Calibration, Part, kept, place_of, uncalibrated, write
from specialists.schema import (
    Finding,
    Manifest,
    Measurement,
    PredictionSet,
    Provenance,
    SpecialistResult,
)
from specialists.skin.spec import DIAGNOSES, MALIGNANCY, MALIGNANT, SPEC

CLASSES = tuple(DIAGNOSES)
ZERO_SHOT = BackendSpec("zero", "tests.unit.test_recalibration:Zero", needs_calibration=True)
SURE = BackendSpec("sure", "tests.unit.test_recalibration:Zero")


def softmax(logits: Any) -> Any:
    rows = np.exp(logits - logits.max(axis=1, keepdims=True))
    return rows / rows.sum(axis=1, keepdims=True)


def cases_of(n: int, classes: int = 3, sharpness: float = 4.0, seed: int = 0) -> list[Case]:
    """Overconfident predictions: sampled at temperature 1, told at 1 / sharpness."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, classes)) * 1.5
    truth = [int(rng.choice(classes, p=row)) for row in softmax(logits)]
    told = softmax(logits * sharpness)
    names = CLASSES[:classes]
    return [
        Case(dict(zip(names, row.tolist(), strict=True)), "score", names[label], f"g{number // 2}")
        for number, (row, label) in enumerate(zip(told, truth, strict=True))
    ]


def test_overconfident_scores_become_calibrated_and_sets_cover() -> None:
    cases = cases_of(600)
    part = fit_part(cases, CLASSES[:3], CLASSES[:2])
    assert part.temperature == pytest.approx(4.0, rel=0.25)
    assert part.metrics["coverage"].low is not None
    assert 0.85 < part.metrics["coverage"].low < 0.92
    assert (part.metrics["ece"].value or 1.0) < 0.08
    fresh = cases_of(2000, seed=1)
    one = judged(part, np.array([[case.scores[name] for name in part.classes] for case in fresh]))
    truth = [part.classes.index(case.label) for case in fresh]
    for index in range(3):
        own = np.array(truth) == index
        assert one.members[own, index].mean() == pytest.approx(0.9, abs=0.05)
    yes = np.isin(truth, [0, 1]).astype(int)
    assert one.answers is not None
    assert one.answers[np.arange(len(yes)), yes].mean() == pytest.approx(0.9, abs=0.04)


def test_rare_classes_share_a_limit_and_an_absent_one_is_never_excluded() -> None:
    common = [one for one in cases_of(200) if one.label in CLASSES[:1]][:30]
    rare = [
        Case({CLASSES[0]: 0.2, name: 0.5, other: 0.2, CLASSES[3]: 0.1}, "score", name, f"r{number}")
        for name, other in (CLASSES[1:3], CLASSES[2:0:-1])
        for number in range(6)
    ]
    padded = [one._replace(scores={**one.scores, CLASSES[3]: 0.01}) for one in common]
    part = fit_part([*padded, *rare], CLASSES[:4], ())
    assert part.question is None
    assert part.conditional_on[CLASSES[0]] == "the class"
    assert part.conditional_on[CLASSES[1]] == "the rare classes together"
    assert part.limits[CLASSES[1]] == part.limits[CLASSES[2]] > 0
    assert part.never_excluded == (CLASSES[3],)


@pytest.mark.parametrize(("n", "per_group"), [(10, 1), (40, 8)])
def test_too_few_cases_or_groups_are_told(n: int, per_group: int) -> None:
    cases = [one._replace(group=str(i // per_group)) for i, one in enumerate(cases_of(n))]
    with pytest.raises(InvalidInput, match="Too few cases"):
        fit_part(cases, CLASSES[:3], ())


def test_same_cases_give_the_same_file(tmp_path: Path) -> None:
    part = fit_part(cases_of(60), CLASSES[:3], CLASSES[:1])
    again = fit_part(cases_of(60), CLASSES[:3], CLASSES[:1])
    assert part == again


def scored(shares: Sequence[float], *, known: bool = False) -> SpecialistResult:
    """What a zero-shot model says of skin before it is calibrated."""
    scores = dict(zip(CLASSES, shares, strict=True))
    number = 0.4 if known else None
    return SpecialistResult(
        summary=f"Inconclusive for {MALIGNANCY}. Any of seven. A map is shown.",
        findings=(
            Finding(name=MALIGNANCY, assertion="uncertain", probability=number,
                    text=f"Inconclusive for {MALIGNANCY}."),
            Finding(name="hair", assertion="present", text="There is hair."),
        ),
        measurements=(Measurement(name="size", value=3, unit="mm", text="It measures 3 mm."),),
        prediction_sets=(
            PredictionSet(target="diagnosis", labels=CLASSES, coverage=0.9, probabilities=scores,
                          conclusive=False, text="Any of seven."),
        ),
        warnings=(uncalibrated(SPEC.name, "zero"), "The picture is blurred."),
        provenance=Provenance(specialist=SPEC.name, backend="zero", model="m", version="1",
                              evaluated_on="Not evaluated."),
    )  # fmt: skip


class Zero:
    """A backend that always sees melanoma."""

    def __init__(self, device: str) -> None:
        pass

    def read(self, inputs: Any, request: Request, progress: Any) -> Reading:
        return Reading(scored([0.01, 0.01, 0.01, 0.01, 0.93, 0.02, 0.01]), (picture(),))


def picture() -> Picture:
    buffer = BytesIO()
    Image.new("RGB", (300, 50), "white").save(buffer, "PNG")
    return Picture("A lesion", buffer.getvalue())


def inputs_of(kind: str = "photograph") -> Mapping[str, Sequence[Source]]:
    manifest = Manifest(kind=kind, format="PNG")  # type: ignore[arg-type]
    return {"photograph": [Source((Path("a.png"),), manifest)]}


def calibration(backend: str = "zero", stated: str = "score", version: str = "1") -> Calibration:
    part = Part(
        classes=CLASSES, stated=stated, temperature=1.0, limits=dict.fromkeys(CLASSES, 0.2),  # type: ignore[arg-type]
        conditional_on=dict.fromkeys(CLASSES, "the class"),
        question={"positive": MALIGNANT, "no_from": 0.3, "yes_from": 0.3},  # type: ignore[arg-type]
        n=120, groups=80, cases=dict.fromkeys(CLASSES, 17),
        metrics={name: {"value": 0.91, "low": 0.86, "high": 0.95}  # type: ignore[misc]
                 for name in ("coverage", "set_size")},
    )  # fmt: skip
    return Calibration(
        specialist=SPEC.name, backend=backend, model="m", version=version, weights_sha256=None,
        coverage=0.9, kinds=("photograph",), parts=(part,), labels_sha256="0" * 64,
    )  # fmt: skip


@pytest.fixture
def models(tmp_path: Path) -> Any:
    before = hub.folder()
    hub.configure(tmp_path)
    yield tmp_path
    hub.configure(before)


def told(
    result: SpecialistResult, backend: BackendSpec = ZERO_SHOT, kind: str = "photograph"
) -> SpecialistResult:
    return calibrated(SPEC, backend, inputs_of(kind), Reading(result, (picture(),))).result


def test_calibrated_scores_are_told_as_probabilities_and_claims(models: Path) -> None:
    write(calibration(), place_of(SPEC.name, "zero"))
    result = told(scored([0.01, 0.01, 0.01, 0.01, 0.93, 0.02, 0.01]))
    first, second, other = result.findings
    assert (first.name, first.assertion, first.probability) == (MALIGNANCY, "present", 0.95)
    assert (second.name, second.assertion) == ("melanoma", "present")
    assert other.name == "hair"
    diagnosis, malignancy = result.prediction_sets
    assert diagnosis.labels == ("melanoma",)
    assert diagnosis.conclusive
    assert malignancy.labels == (MALIGNANCY,)
    assert first.text in result.summary
    assert "Inconclusive" not in result.summary
    assert result.summary.endswith("A map is shown.")
    assert result.warnings == ("The picture is blurred.",)
    assert "120 of your own cases in 80 groups" in result.provenance.evaluated_on
    assert "coverage 0.91 (0.86 to 0.95)" in result.provenance.evaluated_on


def test_doubtful_scores_stay_inconclusive(models: Path) -> None:
    write(calibration(), place_of(SPEC.name, "zero"))
    result = told(scored([0.01, 0.01, 0.01, 0.01, 0.46, 0.49, 0.01]))
    assert result.prediction_sets[0].labels == ("melanoma", "melanocytic nevus")
    assert [f.assertion for f in result.findings] == ["uncertain", "present"]


def test_what_a_calibrated_backend_leaves_open_stays_open(models: Path) -> None:
    made = scored([0.01, 0.01, 0.01, 0.01, 0.93, 0.02, 0.01])
    write(calibration("sure"), place_of(SPEC.name, "sure"))
    result = told(made, SURE)
    assert (result.findings[0].assertion, result.findings[0].probability) == ("uncertain", 0.95)


@pytest.mark.parametrize(
    ("made", "kind", "warned"),
    [
        (calibration(version="2"), "photograph", True),
        (calibration(stated="probability"), "photograph", False),
        (calibration(), "image", False),
    ],
)
def test_calibration_of_something_else_is_not_used(
    models: Path, made: Calibration, kind: str, warned: bool
) -> None:
    write(made, place_of(SPEC.name, "zero"))
    before = scored([0.01, 0.01, 0.01, 0.01, 0.93, 0.02, 0.01])
    result = told(before, kind=kind)
    assert result.findings == before.findings
    assert any("other weights" in one for one in result.warnings) is warned


def test_host_uses_a_calibration_and_then_prefers_what_it_made_useful(models: Path) -> None:
    spec = replace(SPEC, backends=(ZERO_SHOT, SURE))
    assert Host().choose(spec).name == "sure"
    write(calibration(), place_of(SPEC.name, "zero"))
    assert Host().choose(spec).name == "zero"
    assert Host().choose(replace(SPEC, backends=(ZERO_SHOT,))).name == "zero"
    asked = SPEC.request(backend="zero")
    reading = Host().read(spec, inputs_of(), asked, lambda *_: None)
    assert reading.result.prediction_sets[0].conclusive
    with Image.open(BytesIO(reading.pictures[0].png)) as image:
        assert image.height > 50
    raw = Host(calibrated=False).read(spec, inputs_of(), asked, lambda *_: None)
    assert not raw.result.prediction_sets[0].conclusive


def test_damaged_calibration_is_an_error_and_not_ignored(models: Path) -> None:
    place = write(calibration(), place_of(SPEC.name, "zero"))
    place.write_text(place.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(InvalidInput, match="damaged"):
        kept(SPEC.name, "zero")


def test_file_says_nothing_of_where_or_when(models: Path) -> None:
    place = write(calibration(), place_of(SPEC.name, "zero"))
    assert str(models) not in place.read_text()
    assert kept(SPEC.name, "zero") == calibration()
