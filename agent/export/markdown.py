"""An answer as Markdown: readable in a terminal as it is, and in a renderer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from agent.answer import Answer, Attachment, Statement
from agent.export.doubt import doubt
from agent.export.labels import DRAFT, KEPT, MADE, label, left_out, readable, told_of
from agent.export.order import Part, sections
from agent.export.patient import named
from specialists.schema import Manifest

if TYPE_CHECKING:
    from agent.export.material import Material

__all__ = ["to_markdown"]

NOTHING = "Nothing can be said: no specialist gave a result that supports a statement."
_LONGEST_CELL = 150


def to_markdown(answer: Answer, material: Material | None = None) -> str:
    """Write an answer as Markdown.

    Args:
        answer: What the agent gave back.
        material: The source files' headers, where the patient is to be named.

    Returns:
        The question, the answer with references ([E1]), what limits it, the evidence as a
        table, and where it comes from; no trailing line break.
    """
    patient = list(_patient(material))
    blocks = [
        f"# {_line(answer.question)}",
        *_section(label(answer, "Patient"), patient),
        *_said(answer, titled=bool(patient)),
        *_section(label(answer, "Disagreements"), _disagreements(answer)),
        *_section(label(answer, "What is missing"), _gaps(answer)),
        *_section(label(answer, "Keep in mind"), _sentences(answer.caveats)),
        *_section(label(answer, "Not assessed"), _sentences(answer.not_assessed)),
        *_section(label(answer, "Evidence"), _evidence(answer), join="\n"),
        *_section(label(answer, "Pictures"), (f"- {p.title}: {p.uri}" for p in answer.pictures)),
        *_section(label(answer, "Files"), (_attachment(answer, one) for one in answer.attachments)),
        *_section(label(answer, "Where this comes from"), _provenance(answer)),
        f"*{label(answer, DRAFT)}*",
    ]
    return "\n\n".join(blocks)


def _line(text: str) -> str:
    return " ".join(text.split())


def _patient(material: Material | None) -> Iterator[str]:
    for name, value in named(material) if material else ():
        yield f"- {name}: {_line(value)}"


def _section(title: str, lines: Iterable[str], join: str = "\n") -> Iterator[str]:
    body = join.join(lines)
    if body:
        yield f"## {title}\n\n{body}"


def _said(answer: Answer, titled: bool) -> Iterator[str]:
    if answer.message:
        yield answer.message
    parts = sections(answer) if answer.sections else [_everything(answer)]
    parts = [part for part in parts if part.places]
    for part in parts:
        body = "\n".join(_statement(answer, answer.statements[place]) for place in part.places)
        shown = titled or len(parts) > 1 or part.name == "urgent"
        yield f"## {_line(part.title)}\n\n{body}" if shown else body
    if not parts and not answer.message:
        yield label(answer, NOTHING)


def _everything(answer: Answer) -> Part:
    places = [n for n, one in enumerate(answer.statements) if one.kind != "limitation"]
    return Part("answer", label(answer, "Answer"), places)


def _statement(answer: Answer, statement: Statement) -> str:
    references = f" [{', '.join(statement.citations)}]" if statement.citations else ""
    told = doubt(answer, statement)
    return f"- {_line(statement.text)}{f' ({told})' if told else ''}{references}"


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    for text in map(_line, texts):
        yield f"- {text[:1].upper()}{text[1:].rstrip('.')}."


def _gaps(answer: Answer) -> Iterator[str]:
    """What was asked and not answered, what failed, and how much was dropped."""
    stated = [each for each in answer.statements if each.kind == "limitation"]
    yield from (_statement(answer, each) for each in stated)
    told = " ".join(each.text for each in stated)
    for failure in answer.failures:
        if failure.message.rstrip(".") not in told:
            place = f" on {failure.attachment}" if failure.attachment else ""
            yield f"- {failure.tool}{place}: {failure.message} ({failure.code})"
    if dropped := left_out(answer):
        yield f"- {dropped}"


def _disagreements(answer: Answer) -> Iterator[str]:
    for each in answer.disagreements:
        yield f"- {_line(each.text)} [{', '.join(each.citations)}]"
        for worth in each.worth:
            yield f"  - {_line(worth)}"


def _evidence(answer: Answer) -> Iterator[str]:
    rows = [
        f"| {e.id} | {e.tool} | {e.attachment or ''} | {_cell(e.text)} |" for e in answer.evidence
    ]
    if rows:
        heads = (label(answer, title) for title in ("from", "file", "what it says"))
        yield f"| | {' | '.join(heads)} |"
        yield "|---|---|---|---|"
        yield from rows


def _cell(text: str) -> str:
    text = readable(text).replace("|", "\\|")
    if len(text) <= _LONGEST_CELL:
        return text
    return f"{text[:_LONGEST_CELL].rsplit(' ', 1)[0]} …"


def _attachment(answer: Answer, attachment: Attachment) -> str:
    if attachment.manifest is None:
        return f"- {attachment.id}: {label(answer, 'could not be read')}"
    return f"- {attachment.id}: {_described(answer, attachment.manifest)}"


def _described(answer: Answer, manifest: Manifest) -> str:
    size = "x".join(str(n) for n in (manifest.columns, manifest.rows, manifest.frames) if n)
    part = manifest.body_part or manifest.recognised
    facts = [
        f"{manifest.format} {manifest.modality or ''}".strip(),
        part,
        manifest.view,
        label(answer, "{size} pixels", size=size) if size else None,
        label(answer, "{count} samples", count=manifest.samples) if manifest.samples else None,
        label(answer, "{count} variants", count=manifest.variants) if manifest.variants else None,
        manifest.genome_build,
    ]
    return ", ".join(fact for fact in facts if fact)


def _provenance(answer: Answer) -> Iterator[str]:
    known = answer.provenance
    for tool, models in known.models.items():
        for model in models:
            weights = f", weights {model.weights_sha256[:12]}" if model.weights_sha256 else ""
            yield f"- {tool}: {model.model} {model.version} ({model.backend}{weights})."
            yield f"  {_line(model.evaluated_on)}"
            if model.terms:
                yield f"  {_line(model.terms)}"
    for call in known.reused:
        named = " ".join((call.tool, *call.attachments))
        yield f"- {label(answer, KEPT, what=named)}"
    makers = {name: getattr(known, name) for name in ("planner", "composer", "checker")}
    yield f"- {label(answer, MADE, **makers)}"
    if told := told_of(answer):
        yield f"- {told}"
    for name, digest in known.prompts.items():
        yield f"- Prompt {name}, {digest[:12]}"
    if known.versions:
        yield f"- {', '.join(f'{name} {version}' for name, version in known.versions.items())}"
