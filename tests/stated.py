"""A made-up answer with something of everything that the page shows."""

from __future__ import annotations

from agent.answer import (
    Answer,
    AnswerProvenance,
    Attachment,
    Call,
    Disagreement,
    DroppedCount,
    Fact,
    Picture,
    Plan,
    Section,
    Statement,
)
from specialists.schema import Evidence, EvidenceFinding, Manifest, Provenance

__all__ = ["PICTURE_URI", "stated"]

PICTURE_URI = "wardround://pictures/one"

_EVIDENCE = (
    Evidence(
        id="E1",
        tool="report_toy",
        attachment="A1",
        text="There is a nodule (calibrated probability 0.8).",
        finding=EvidenceFinding(name="nodule", assertion="present", laterality="left"),
        value=0.8,
        unit="1",
    ),
    Evidence(
        id="E2", tool="report_toy", attachment="A1", text="It is 3 cm3.", value=3.0, unit="cm3"
    ),
    Evidence(id="E3", tool="report_toy", attachment="A1", text="The heart may be large."),
)
_MODEL = Provenance(
    specialist="report_toy",
    backend="toy",
    model="toy model",
    version="1.0",
    weights_sha256="ab" * 32,
    evaluated_on="12 toys: accuracy 0.9 (0.7 to 1.0).",
)


def stated() -> Answer:
    """Three statements about a film, a limit, and one that was dropped."""
    return Answer(
        question="What is in the film?",
        action="call",
        statements=(
            Statement(
                text="There is a nodule on the left.",
                kind="finding",
                citations=("E1",),
                certainty="probable",
            ),
            Statement(text="It is 3 cm3.", kind="measurement", citations=("E2",)),
            Statement(
                text="The heart may be large.",
                kind="finding",
                citations=("E3",),
                certainty="uncertain",
            ),
            Statement(text="Nothing was said of bones.", kind="limitation"),
        ),
        evidence=_EVIDENCE,
        attachments=(
            Attachment(
                id="A1",
                manifest=Manifest(
                    kind="radiograph", format="DICOM", modality="CR", rows=100, columns=100
                ),
            ),
        ),
        not_assessed=("bones and vessels",),
        caveats=("the film is dark",),
        disagreements=(Disagreement(text="One says so, one not", citations=("E1", "E3")),),
        dropped=DroppedCount(count=1, reasons={"polarity": 1}),
        plan=Plan(action="call", calls=(Call(tool="report_toy", attachments=("A1",)),)),
        pictures=(Picture(title="A film", uri=PICTURE_URI, tool="report_toy"),),
        sections=(
            Section(name="answer", title="Answer", statements=(0, 1)),
            Section(name="other", title="What else matters", statements=(2,)),
            Section(name="limitations", title="Limits", statements=(3,)),
        ),
        facts={
            "E1": Fact(kind="finding", name="nodule", calibrated=True, backend="toy"),
            "E2": Fact(kind="measurement", name="volume of the nodule", backend="toy"),
            "E3": Fact(kind="text", backend="toy"),
        },
        provenance=AnswerProvenance(
            planner="rules",
            composer="plain code",
            checker="rules 1",
            models={"report_toy": (_MODEL,)},
            versions={"wardround": "0.1.0"},
        ),
    )
