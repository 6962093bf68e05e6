"""What holds of the checker for any evidence of a form, not for chosen cases."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.grounding import check
from agent.grounding.lexicon import lexicon
from agent.grounding.tokens import LANGUAGES
from specialists.schema import Evidence, EvidenceFinding

FINDINGS = (
    "pneumothorax",
    "cardiomegaly",
    "pleural effusion",
    "consolidation",
    "nodule",
    "fracture",
)
SIDES = ("left", "right")
PRESENT = (
    "There is {}.",
    "The film shows {}.",
    "{} is seen.",
    "Signs of {} were found.",
    "{} is present.",
)
ABSENT = (
    "There is no {}.",
    "The film does not show {}.",
    "{} was not detected.",
    "No evidence of {}.",
    "{} is absent.",
    "{} has been ruled out.",
)
UNSURE = (
    "{} is possible.",
    "{} cannot be excluded.",
    "It is uncertain whether there is {}.",
    "There may be {}.",
)
BOOKS = [lexicon(language) for language in LANGUAGES]
"""Loaded here, so that no example's deadline runs meanwhile."""
findings, sides = st.sampled_from(FINDINGS), st.sampled_from(SIDES)
volumes = st.floats(50, 5000).map(lambda value: round(value, 1))


def film(name, assertion, laterality=None) -> Evidence:
    where = f" on the {laterality}" if laterality else ""
    words = {
        "present": f"The film shows {name}{where}.",
        "absent": f"The film shows no {name}{where}.",
        "uncertain": f"Inconclusive for {name}{where}.",
    }
    return Evidence(
        id="E1",
        tool="report_chest_xray",
        attachment="A1",
        text=words[assertion],
        finding=EvidenceFinding(name=name, assertion=assertion, laterality=laterality),
    )


def lung(side, value) -> Evidence:
    text = f"The volume of the {side} lung is {value} cm3."
    return Evidence(id="E1", tool="report_ct", attachment="A1", text=text, value=value, unit="cm3")


def supported(statement, *evidence) -> bool:
    return check(statement, evidence).supported


@pytest.mark.parametrize(
    ("assertion", "wordings"), [("present", PRESENT), ("absent", ABSENT), ("uncertain", UNSURE)]
)
@given(name=findings, data=st.data())
def test_same_assertion_is_supported_in_any_wording(assertion, wordings, name, data):
    wording = data.draw(st.sampled_from(wordings))
    assert supported(wording.format(name), film(name, assertion))


@pytest.mark.parametrize(
    ("assertion", "wordings"),
    [
        ("present", ABSENT),
        ("absent", PRESENT),
        ("absent", UNSURE),
        ("uncertain", PRESENT),
        ("uncertain", ABSENT),
    ],
)
@given(name=findings, data=st.data())
def test_other_assertion_is_refused_in_any_wording(assertion, wordings, name, data):
    wording = data.draw(st.sampled_from(wordings))
    assert not supported(wording.format(name), film(name, assertion))


@given(findings, findings, st.sampled_from(PRESENT + ABSENT + UNSURE))
def test_other_finding_is_refused(name, other, wording):
    assume(name != other)
    for assertion in ("present", "absent", "uncertain"):
        assert not supported(wording.format(other), film(name, assertion))


@given(findings, sides, sides)
def test_side_must_be_the_same(name, side, other):
    statement = f"There is {name} on the {other}."
    assert supported(statement, film(name, "present", side)) is (side == other)


@given(findings)
def test_side_may_not_be_added(name):
    assert not supported(f"There is {name} on the left.", film(name, "present"))


@given(sides, volumes)
def test_number_survives_conversion(side, value):
    for text in (f"{value} mL", f"{value * 1000:.0f} mm3", f"{value / 1000:.4f} L"):
        assert supported(f"The {side} lung has a volume of {text}.", lung(side, value))


@given(sides, volumes, st.floats(1.11, 10))
def test_other_number_is_refused(side, value, factor):
    for wrong in (value * factor, value / factor):
        assert not supported(f"The {side} lung has a volume of {wrong:.1f} mL.", lung(side, value))


@given(volumes, volumes)
def test_numbers_of_two_sides_cannot_be_swapped(one, two):
    assume(abs(one - two) > 0.2 * max(one, two))
    left, right = lung("left", one), lung("right", two).model_copy(update={"id": "E2"})
    told = "The left lung measures {} cm3 and the right {} cm3."
    assert supported(told.format(one, two), left, right)
    assert not supported(told.format(two, one), left, right)


@given(st.sampled_from(("mm", "L", "HU", "%", "mm3", "cm2")), volumes)
def test_other_unit_is_refused(unit, value):
    assert not supported(f"The left lung measures {value} {unit}.", lung("left", value))


@settings(max_examples=200)
@given(st.text(max_size=120))
def test_any_text_is_answered_without_failing(text):
    verdict = check(text, [film("nodule", "present")])
    assert verdict.reason
    assert verdict.supported == (verdict.code == "supported")


@given(st.text(min_size=1, max_size=80), findings)
def test_any_evidence_is_read_without_failing(text, name):
    evidence = Evidence(id="E1", tool="other", attachment=None, text=text)
    assert check(f"There is {name}.", [evidence]).reason


@given(
    findings,
    st.lists(
        st.sampled_from(["antibiotics", "biopsy", "severe", "new", "fatal", "urgently"]),
        min_size=1,
    ),
)
def test_words_that_nobody_said_are_refused(name, words):
    assert not supported(f"There is {name} {' '.join(words)}.", film(name, "present"))
