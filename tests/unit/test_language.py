"""The six languages of answers: whose question it is, and tables without gaps."""

from __future__ import annotations

import string

import pytest

from agent.answer import Fact
from agent.composition.critical import critical
from agent.composition.translated import clause
from agent.examination import important
from agent.language import LANGUAGES, detect, fixed, known, number, phrases, share, terms
from specialists.pathology.spec import HEADS
from specialists.registry import specs
from specialists.retina.spec import EDEMA, GRADES
from specialists.schema import Evidence
from specialists.skin.spec import DIAGNOSES
from tests.answers import recorded

QUESTIONS = {
    "en": ("Is there pneumonia?", "What does this CT show?", "Write a report.", "PGS001229?"),
    "es": ("¿Hay neumonía?", "Qué muestra esta TC", "Redacte un informe", "Hay opacidad?"),
    "fr": ("Y a-t-il une pneumonie ?", "Que montre ce scanner ?", "Mélanome ?"),
    "de": ("Gibt es eine Pneumonie?", "Was zeigt dieses CT?", "Welche Diagnosen kommen in Frage?"),
    "pt": ("Há pneumonia?", "O que mostra esta TC?", "Tem opacidade nesta radiografia?"),
    "zh": ("有肺炎吗？", "这张CT显示什么？"),
}


@pytest.mark.parametrize(
    ("language", "question"), [(one, text) for one, texts in QUESTIONS.items() for text in texts]
)
def test_language_of_a_question_is_told(language: str, question: str) -> None:
    assert detect(question) == language


def test_language_stays_where_no_word_tells() -> None:
    assert detect("PGS001229", "de") == "de"


@pytest.mark.parametrize("table", [terms(), phrases()], ids=["terms", "phrases"])
def test_every_row_has_all_six_languages(table: dict[str, dict[str, str]]) -> None:
    for name, row in table.items():
        assert set(row) == set(LANGUAGES), name
        assert all(row.values()), name


def test_every_template_has_its_slots_in_every_language() -> None:
    def slots(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, row in phrases().items():
        wanted = slots(row["en"])
        for language, text in row.items():
            # 'de' is the French preposition, which other languages do without.
            assert slots(text) - {"de"} == wanted - {"de"} or key == "quoted", (key, language)


def test_every_finding_and_class_of_a_specialist_is_in_the_table() -> None:
    emitted = {name for spec in specs().values() for name in spec.findings}
    emitted |= {name for spec in specs().values() for name in spec.labels}
    emitted |= {
        *GRADES,
        *EDEMA,
        *DIAGNOSES,
        *(name for head in HEADS.values() for name in head.classes),
    }
    emitted |= {head.target for head in HEADS.values()}
    assert {name for name in emitted if not known(name)} == set()


def test_everything_that_real_cases_name_is_said_in_every_language() -> None:
    for case in recorded():
        for item in important("Report.", case.evidence, case.facts, "en"):
            fact = case.facts[item.id]
            for language in LANGUAGES[1:] if fact.kind != "text" else ():
                told = clause(item, fact, language)
                assert item.text not in told, f"{fact.name} in {language}"


@pytest.mark.parametrize(
    ("name", "unit", "text", "told"),
    [
        (
            "lung volume in view",
            "cm3",
            "The volume of the left lung in view is 42.7 cm3.",
            "Volumen pulmonar, en la imagen (izquierda): 42,7 cm³.",
        ),
        (
            "mean lung density",
            "[hnsf'U]",
            "The mean density of the left lung is 42.7 [hnsf'U] (Hounsfield units).",
            "Densidad pulmonar media (izquierda): 42,7 HU.",
        ),
        (
            "upper third of the lung, share below -950 HU",
            "%",
            "Of the upper third of the left lung, 42.7 % lies below -950 HU.",
            "Tercio superior del pulmón, proporción por debajo de -950 UH (izquierda): 42,7 %.",
        ),
    ],
)
def test_measurements_have_names_and_units_of_the_language(
    name: str, unit: str, text: str, told: str
) -> None:
    item = Evidence(id="E1", tool="report_ct", attachment="A1", text=text, value=42.7, unit=unit)
    fact = Fact(kind="measurement", name=name, laterality="left")
    assert clause(item, fact, "es") == told


def test_wording_that_the_evidence_does_not_hold_is_quoted_instead() -> None:
    item = Evidence(id="E1", tool="report_ct", attachment="A1", text="It is wide.", value=4.0)
    fact = Fact(kind="measurement", name="trachea, least diameter")
    assert clause(item, fact, "es") == "«It is wide.»"


def test_numbers_have_the_decimal_sign_of_the_language() -> None:
    assert (number(0.5, "en"), number(0.5, "fr"), number(0.5, "zh")) == ("0.5", "0,5", "0.5")
    assert share(1.0, "de") == "1,00"


def test_critical_findings_have_levels_and_reasons() -> None:
    assert {one.within for one in critical().values()} == {"minutes", "hours", "days"}
    assert all(one.why for one in critical().values())


def test_what_specialists_always_say_is_said_in_every_language() -> None:
    from specialists.chest_xray.reference import NOT_ASSESSED as FILM
    from specialists.ct.report import NOT_ASSESSED as CT
    from specialists.retina.reference import NOT_ASSESSED as RETINA
    from specialists.skin.reference import NOT_ASSESSED as SKIN

    for text in (*FILM, *CT, *RETINA, *SKIN):
        assert fixed(text, "en").strip(".").lower() == text.strip(".").lower()
        assert all(fixed(text, one) != text for one in LANGUAGES if one != "en"), text


def test_sentence_that_the_table_lacks_stays_as_it_is() -> None:
    assert fixed("Slices 3 to 5 are missing.", "fr") == "Slices 3 to 5 are missing."


def test_what_the_gate_and_the_readers_write_is_said_in_the_language() -> None:
    told = fixed(
        "Chest film: The file shows: knee. Accepted here: a colour fundus photograph or OCT.", "es"
    )
    assert told == (
        "Chest film: El archivo muestra: knee. Aquí se acepta: una fotografía en color del fondo "
        "de ojo u OCT."
    )
    assert fixed("Variants matched on the other strand: 3.", "de") == (
        "Auf dem anderen Strang zugeordnete Varianten: 3."
    )
    assert fixed(
        "PGS1 was made with genomes of this ancestry (PGS Catalog): European 100%. In "
        "people of other ancestry it predicts less well.",
        "zh",
    ).startswith("PGS1由")
