"""What kind of answer a question wants, and what it is about."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from agent.answer import Language
from agent.grounding import subjects
from agent.language import function_words, terms
from agent.wording import COMPARE, plain

__all__ = ["AnswerKind", "about", "bare", "kind_of", "words"]

AnswerKind = Literal["direct", "report", "comparison", "differential"]

_COMPARED = COMPARE + (
    r"|\b([eé]volution|cambio|cambi[oó]|cambiado|ver[aä]nder\w*|mudou|mudan[cç]a)\b|变化"
)
_DIFFERENTIAL = (
    r"\bdifferen(t|z)ial\w*|\bdiagn[oó]sticos? diferencia\w*|\bdiagnostics? diff[eé]rentiels?\b"
    r"|\bwhich (diagnos[ei]s|diseases?|grades?)\b|\bwhat (could|might|may|can) (it|this|that) be\b"
    r"|\bcomes? into question\b|\bwelche diagnosen\b|\bkommen in (frage|betracht)\b"
    r"|\bqu[eé] diagn[oó]sticos\b|\bcu[aá]les son los diagn[oó]sticos\b|\bquels diagnostics\b"
    r"|\bquais (os )?diagn[oó]sticos\b|鉴别|哪些诊断"
)
_REPORT = (
    r"\b(reports?|describe|findings|summar\w+|impression|abnormal\w*)\b|\bread (this|the|these)\b"
    r"|\bwhat (do|does|did) (this|these|the|it)\b.{0,40}\bshow\b|\bwhat (is|can be) seen\b"
    r"|\bwhat is (on|in) (this|the)\b"
    r"|\b(informe|hallazgos)\b|\bdescrib\w+|\bqu[eé] (muestra|se ve)\b"
    r"|\b(compte[- ]rendu)\b|\bd[eé]cri\w+|\bque (montre|voit)\b|\brapport\b"
    r"|\b(befund\w*|auff[aä]llig\w*|beurteil\w*|bericht\w*)\b|\bwas (zeigt|sieht|ist zu sehen)\b"
    r"|\b(laudo|achados|relat[oó]rio)\b|\bdescrev\w+|\bo que (mostra|se v[eê])\b"
    r"|报告|描述|显示什么|显示了什么|所见"
)
_IN_EVERY_SENTENCE = (
    "model find found sign show image picture film photograph radiograph scan slice slide series "
    "patient person case file chest ray take taken view calibrated probability score coverage "
    "compatible inconclusive much many large size value number answer question sample"
)
_GENERIC = frozenset(_IN_EVERY_SENTENCE.split())
"""Words that tell nothing of what is asked."""
_LEAST_STEM = 5
"""Letters of a term that may go on: 'pulmón' is found in 'pulmones'."""


def kind_of(question: str) -> AnswerKind:
    """Tell what kind of answer is wanted; a question without words wants a report."""
    text = plain(question)
    if re.search(_COMPARED, text):
        return "comparison"
    if re.search(_DIFFERENTIAL, text):
        return "differential"
    return "report" if not text or re.search(_REPORT, text) else "direct"


def about(question: str, language: Language) -> dict[str, frozenset[str]]:
    """Return what a question is about, from any language.

    As `grounding.subjects` tells it, and the question's own words ('word'), in English.
    """
    text = bare(question)
    said = [
        concept
        for concept, row in terms().items()
        if language != "en" and _occurs(bare(row[language]), text)
    ]
    english = ". ".join([question, *said])
    return {**subjects(english), "word": words(english) - _GENERIC - function_words(language)}


def words(text: str) -> frozenset[str]:
    """The words of a text without accents, plural endings and what is in every sentence."""
    found = re.findall(r"[a-z]{3,}", bare(text))
    return frozenset(one.removesuffix("s") for one in found) - function_words("en") - _GENERIC


def _occurs(term: str, text: str) -> bool:
    if not term.isascii():
        return term in text
    end = "" if len(term) >= _LEAST_STEM else r"(?!\w)"
    return re.search(rf"(?<!\w){re.escape(term)}{end}", text) is not None


def bare(text: str) -> str:
    """Lower case without accents."""
    parts = unicodedata.normalize("NFKD", text.lower())
    return "".join(one for one in parts if not unicodedata.combining(one))
