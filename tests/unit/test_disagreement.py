"""What contradicts itself is named, with both sides and what each is worth."""

from __future__ import annotations

import pytest

from agent.answer import Fact
from agent.composition import compose
from agent.disagreement import disagreements
from specialists.schema import Assertion, Evidence, EvidenceFinding, Laterality, Provenance

MODELS = {
    "report_chest_xray": [
        Provenance(
            specialist="report_chest_xray",
            backend=backend,
            model=backend,
            version="1",
            evaluated_on=f"AUC of {backend}.",
        )
        for backend in ("reference", "mine")
    ]
}


def finding(
    number: int,
    name: str,
    assertion: Assertion,
    laterality: Laterality | None = None,
    attachment: str = "A1",
) -> Evidence:
    verb = "finds no" if assertion == "absent" else "finds"
    side = f" on the {laterality}" if laterality else ""
    return Evidence(
        id=f"E{number}",
        tool="report_chest_xray",
        attachment=attachment,
        text=f"The model {verb} {name}{side}.",
        finding=EvidenceFinding(name=name, assertion=assertion, laterality=laterality),
    )


def measured(number: int, value: float) -> Evidence:
    return Evidence(
        id=f"E{number}",
        tool="report_chest_xray",
        attachment="A1",
        text=f"The heart is {value:g} mm wide.",
        value=value,
        unit="mm",
    )


def by(*backends: str, kind: str = "finding", name: str = "x") -> dict[str, Fact]:
    return {
        f"E{n}": Fact.model_validate(
            {"kind": kind, "name": name, "backend": each, "second": n == 2}
        )
        for n, each in enumerate(backends, 1)
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (finding(1, "pneumonia", "present"), finding(2, "pneumonia", "absent")),
        (finding(1, "viral pneumonia", "present"), finding(2, "pneumonia", "absent")),
        (finding(1, "pneumonia", "present"), finding(2, "pneumonia or opacity", "absent")),
        (finding(1, "pneumothorax", "present", "left"), finding(2, "pneumothorax", "absent")),
    ],
)
def test_present_and_absent_of_one_finding_is_a_disagreement(
    one: Evidence, other: Evidence
) -> None:
    (found,) = disagreements([one, other], {}, {})
    assert found.citations == ("E1", "E2")
    assert one.text in found.text
    assert other.text in found.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (finding(1, "pneumonia", "present"), finding(2, "pneumothorax", "absent")),
        (finding(1, "pneumonia", "present"), finding(2, "viral pneumonia", "absent")),
        (finding(1, "pneumonia or opacity", "present"), finding(2, "pneumonia", "absent")),
        (
            finding(1, "pneumothorax", "present", "left"),
            finding(2, "pneumothorax", "absent", "right"),
        ),
        (finding(1, "pneumonia", "present"), finding(2, "pneumonia", "absent", None, "A2")),
        (finding(1, "pneumonia", "present"), finding(2, "pneumonia", "uncertain")),
    ],
)
def test_what_can_both_be_true_is_none(one: Evidence, other: Evidence) -> None:
    assert disagreements([one, other], {}, {}) == []


def test_two_readers_are_named_with_what_each_is_worth() -> None:
    pair = [finding(1, "pneumonia", "present"), finding(2, "pneumonia", "absent")]
    (found,) = disagreements(pair, by("reference", "mine"), MODELS)
    assert "report_chest_xray (reference) and report_chest_xray (mine)" in found.text
    assert found.worth == (
        "report_chest_xray (reference): AUC of reference.",
        "report_chest_xray (mine): AUC of mine.",
    )


def test_both_sides_stay_in_the_answer_each_under_its_reader() -> None:
    pair = [finding(1, "pneumonia", "present"), finding(2, "pneumonia", "absent")]
    said = compose("Is there pneumonia?", pair, (), by("reference", "mine"))
    assert [one.text for one in said] == [
        "First reader: The model finds pneumonia.",
        "Second reader: The model finds no pneumonia.",
    ]


@pytest.mark.parametrize(("value", "count"), [(104.0, 0), (130.0, 1)])
def test_readers_measurements_that_differ_much_are_not_averaged(value: float, count: int) -> None:
    pair = [measured(1, 100.0), measured(2, value)]
    facts = by("reference", "mine", kind="measurement", name="heart width")
    assert len(disagreements(pair, facts, MODELS)) == count
    told = " ".join(one.text for one in compose("", pair, (), facts))
    assert "100 mm" in told
    assert f"{value:g} mm" in told


def test_sets_without_a_common_class_disagree() -> None:
    sets = [finding(n, name, "present") for n, name in ((1, "melanoma"), (2, "dermatofibroma"))]
    facts = {
        f"E{n}": Fact(kind="set", name="diagnosis", labels=(label,), shares=(0.9,), backend=who)
        for n, label, who in ((1, "melanoma", "reference"), (2, "dermatofibroma", "mine"))
    }
    assert len(disagreements(sets, facts, {})) == 1
