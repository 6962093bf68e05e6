"""The answer's types.

Plain data, all immutable. `Answer` written as JSON is what scripts read; its fields are a contract.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from specialists.schema import Box, Data, Evidence, Laterality, Manifest, Provenance

__all__ = [
    "Answer",
    "AnswerProvenance",
    "Attachment",
    "Call",
    "Disagreement",
    "Dropped",
    "DroppedCount",
    "Examination",
    "Fact",
    "Failure",
    "Language",
    "Picture",
    "Plan",
    "Section",
    "Statement",
]

Action = Literal["call", "answer", "clarify", "refuse"]
StatementKind = Literal["finding", "measurement", "synthesis", "limitation"]
Certainty = Literal["certain", "probable", "uncertain", "inconclusive"]
Language = Literal["en", "es", "fr", "de", "pt", "zh"]
SectionName = Literal[
    "urgent",
    "answer",
    "change",
    "differential",
    "findings",
    "measurements",
    "impression",
    "other",
    "limitations",
]
FactKind = Literal["finding", "measurement", "set", "score", "percentile", "overlap", "text"]


class Statement(Data):
    """One sentence of an answer, with what it rests on."""

    text: str
    kind: StatementKind
    citations: tuple[str, ...] = ()
    """Ids of evidence; empty only for limitations that plain code wrote."""
    certainty: Certainty | None = None


class Section(Data):
    """Statements that belong together, in the order of the answer."""

    name: SectionName
    title: str
    """In the answer's language."""
    statements: tuple[int, ...]
    """Positions in the answer's statements, from 0; every statement is in one section."""


class Fact(Data):
    """What a piece of evidence is about, in the specialist's own terms; goes with its text."""

    kind: FactKind
    name: str | None = None
    """Of a finding, a measurement or a score; for a set, what it was asked."""
    site: str | None = None
    laterality: Laterality | None = None
    labels: tuple[str, ...] = ()
    """Classes of a set, in the model's order."""
    shares: tuple[float, ...] = ()
    """What the model gives each of these classes, 0 to 1."""
    coverage: float | None = None
    """Of a set, 0 to 1."""
    calibrated: bool = False
    """Whether the evidence's value is a calibrated probability."""
    box: Box | None = None
    """Where a finding is on the original image, in pixels."""
    sample: str | None = None
    """Whose score it is."""
    reference: str | None = None
    """The population that a percentile is from."""
    backend: str | None = None
    """Which of the tool's models said so."""
    second: bool = False
    """Whether that was the second reader."""


class Attachment(Data):
    """A file of the question, without its name and place."""

    id: str
    """A1, A2, …"""
    handle: str | None = None
    manifest: Manifest | None = None
    """None where the file could not be read."""


class Call(Data):
    """One call of a plan."""

    tool: str
    attachments: tuple[str, ...] = ()
    arguments: dict[str, Any] = {}


class Plan(Data):
    """What to do about a question."""

    action: Action
    calls: tuple[Call, ...] = ()
    message: str | None = None
    """What to say to the user: the answer about the system, the question back, or the refusal."""


class Disagreement(Data):
    """Two pieces of evidence that contradict each other."""

    text: str
    citations: tuple[str, ...]
    worth: tuple[str, ...] = ()
    """For each citation who said it and how that model was evaluated, by its card."""


class Examination(Data):
    """What questions made of the evidence find in the answer, and the reverse."""

    coverage: float | None = None
    """Share of the important evidence that the answer tells, 0 to 1; None: there is none."""
    hallucination: float | None = None
    """Share of what the answer tells that no cited evidence has, 0 to 1; None: it tells nothing."""
    asked_of_answer: int = 0
    """Questions made of the evidence."""
    asked_of_evidence: int = 0
    """Questions made of the answer."""
    left_out: tuple[str, ...] = ()
    """Ids of important evidence that the answer leaves out."""
    unfounded: tuple[int, ...] = ()
    """Positions of statements that tell something their evidence has not."""


class Dropped(Data):
    """A statement that its evidence did not support. Stays in the process; see `DroppedCount`."""

    text: str
    reason: str
    """A code of `agent.grounding`, such as 'polarity'."""


class DroppedCount(Data):
    """How many statements were dropped and why; never what they said."""

    count: int = 0
    reasons: dict[str, int] = {}
    """Number of statements by code."""

    @classmethod
    def of(cls, dropped: Iterable[Dropped]) -> DroppedCount:
        """Count dropped statements by the code of their reason."""
        reasons = Counter(each.reason for each in dropped)
        return cls(count=sum(reasons.values()), reasons=dict(sorted(reasons.items())))


class Failure(Data):
    """A call that gave no result."""

    tool: str
    attachment: str | None = None
    code: str
    message: str


class Picture(Data):
    """A picture that a specialist made; its bytes are an MCP resource or a file written here."""

    title: str
    uri: str
    media_type: str = "image/png"
    tool: str | None = None


class AnswerProvenance(Data):
    """What made the answer."""

    planner: str
    composer: str
    checker: str
    prompts: dict[str, str] = {}
    """Digest (SHA-256) by name and version: 'route/v1'."""
    models: dict[str, tuple[Provenance, ...]] = {}
    """Models that were consulted, by tool."""
    reused: tuple[Call, ...] = ()
    """Calls that were not made again: their results were kept from earlier in the thread."""
    versions: dict[str, str] = {}
    """Versions of the software: wardround, Python, …"""


class Answer(Data):
    """What comes back for a question."""

    question: str
    action: Action
    statements: tuple[Statement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    not_assessed: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    """What the specialists warn of: the file's faults, an unknown age, what was assumed."""
    disagreements: tuple[Disagreement, ...] = ()
    dropped: DroppedCount = DroppedCount()
    plan: Plan
    provenance: AnswerProvenance
    message: str | None = None
    pictures: tuple[Picture, ...] = ()
    failures: tuple[Failure, ...] = ()
    language: Language = "en"
    """Of the question, and so of the statements."""
    sections: tuple[Section, ...] = ()
    """The statements in order, under headings that follow from the question."""
    facts: dict[str, Fact] = {}
    """What each piece of evidence is about, by its id."""
    examination: Examination = Examination()

    def export(
        self,
        form: str,
        files: Sequence[str | Path] = (),
        *,
        identified: bool = False,
        same_files: bool = False,
    ) -> bytes:
        """Write the answer in a form: 'json', 'markdown', 'html', 'page', 'fhir', 'dicom-sr', ….

        See `agent.export.forms.export_async`, which is for use inside an event loop; the forms
        are the keys of `FORMS` there.
        """
        from agent.export.forms import export

        return export(self, form, files, identified=identified, same_files=same_files)
