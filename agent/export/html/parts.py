"""Pieces of the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from agent.answer import Answer, Statement
from agent.export.doubt import doubt
from agent.export.labels import readable
from agent.export.order import numbers

__all__ = ["bullets", "cited", "described", "facts", "line", "said", "section", "sentence"]

_POWER = re.compile(r"(?<=\d )([cm]m)([23])\b")


def line(text: str) -> str:
    """Text on one line, safe in HTML."""
    return escape(_POWER.sub(_raised, readable(text)))


def _raised(unit: re.Match[str]) -> str:
    return f"{unit[1]}{'²' if unit[2] == '2' else '³'}"


def sentence(text: str) -> str:
    """Text as a sentence, safe in HTML."""
    plain = text.strip().rstrip(".")
    return line(f"{plain[:1].upper()}{plain[1:]}.") if plain else ""


def section(title: str, body: str, name: str = "", kind: str = "") -> str:
    """A section with its heading; nothing where there is nothing to say."""
    if not body:
        return ""
    identity = f' id="{name}"' if name else ""
    style = f' class="{kind}"' if kind else ""
    return f"<section{identity}{style}>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n"


def bullets(items: Iterable[str], kind: str = "") -> str:
    """A list of pieces of HTML."""
    rows = "\n".join(f"<li>{item}</li>" for item in items)
    style = f' class="{kind}"' if kind else ""
    return f"<ul{style}>\n{rows}\n</ul>" if rows else ""


def facts(pairs: Iterable[tuple[str, str | None]]) -> str:
    """Names with what is known of them; values are HTML already."""
    rows = "\n".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs if value)
    return f"<dl>\n{rows}\n</dl>" if rows else ""


def said(answer: Answer, places: Sequence[int]) -> str:
    """Statements, each with links to its evidence."""
    number = numbers(answer)
    rows = "\n".join(
        f'<li id="S{number[place]}"><span class="no">{number[place]}</span>'
        f"<span>{_statement(answer, answer.statements[place])}</span></li>"
        for place in places
    )
    return f'<ol class="said">\n{rows}\n</ol>' if rows else ""


def _statement(answer: Answer, statement: Statement) -> str:
    told = doubt(answer, statement)
    note = f' <span class="doubt">({told})</span>' if told else ""
    return f"{line(statement.text)}{note}{cited(statement.citations)}"


def cited(citations: Iterable[str]) -> str:
    """Links to pieces of evidence."""
    links = "".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in citations)
    return f' <span class="cite">{links}</span>' if links else ""


def described(answer: Answer) -> Iterator[str]:
    """What each file is; headers gave it, and nothing of it says who it is of."""
    for one in answer.attachments:
        manifest = one.manifest
        if manifest is None:
            yield f"{escape(one.id)}: could not be read"
            continue
        size = " × ".join(str(n) for n in (manifest.columns, manifest.rows) if n)
        person = [manifest.sex, f"{manifest.age_years} years" if manifest.age_years else None]
        told = [
            f"{manifest.format} {manifest.modality or ''}".strip(),
            manifest.body_part or manifest.recognised,
            manifest.view,
            manifest.laterality,
            f"{size} pixels" if size else None,
            f"{manifest.frames} images" if (manifest.frames or 1) > 1 else None,
            f"{manifest.samples:,} samples" if manifest.samples else None,
            f"{manifest.variants:,} variants" if manifest.variants else None,
            manifest.genome_build,
            *person,
        ]
        yield f"{escape(one.id)}: {line(', '.join(fact for fact in told if fact))}"
