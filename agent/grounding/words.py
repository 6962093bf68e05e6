"""Words that neither the evidence nor grammar accounts for."""

from __future__ import annotations

from agent.grounding.case import Case, Refusal
from agent.grounding.claims import Sentence
from agent.grounding.comparison import compared
from agent.grounding.frames import frame_stems
from agent.grounding.quantities import QUANTITIES
from agent.grounding.terms import looks_clinical, neutral_stems
from agent.grounding.tokens import Token, stem

__all__ = ["something_said", "words_hold"]

_LICENSED = {
    "absent", "unlikely", "weak", "possible", "member", "undecided", "probable", "definite",
    "mention", "pseudo", "affirmed", "unassessed",
}  # fmt: skip


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, words.split()))


_KINDS = {
    "time": _stems(
        "new newly now again still already yet since interval previous previously prior earlier "
        "before today yesterday week weeks month months ago recently recent increased decreased "
        "worsened worsening improved improving stable unchanged progression progressed resolved "
        "compared comparison change changed last persistent longer remains recurrent old acute "
        "chronic ongoing continues"
    ),
    "recommendation": _stems(
        "should must recommend recommended recommendation advise advised advice need needs "
        "needed require required requires treat treated treatment therapy start begin give "
        "prescribe prescribed followup refer referred referral consult consultation urgent "
        "urgently immediately admit admission hospital discharge repeat monitor monitoring "
        "consider warranted indicated ought please suggest management intervention"
    ),
    "cause": _stems(
        "because caused cause causes causing due owing therefore thus hence result secondary leads "
        "lead explains explained explain responsible consequently etiology aetiology"
    ),
    "certainty": _stems(
        "will always undoubtedly surely truly really fully guaranteed beyond doubt"
    ),
    "source": _stems(
        "radiologist pathologist clinician doctor physician surgeon dermatologist ophthalmologist "
        "cardiologist expert specialist's literature guideline guidelines laboratory biopsy ct "
        "mri mr ultrasound pet radiograph film xray dermoscopy mammogram history physical "
        "examination family father mother parents smoker ecg photograph slide genome fundus"
    ),
    "attribute": _stems(
        "normal severe mild moderate small large healthy clear significant serious dangerous "
        "life threatening high low elevated abnormal typical bad good massive tiny"
    ),
}
_REASONS = {
    "time": "The evidence says nothing of time or change",
    "recommendation": "The evidence recommends nothing",
    "cause": "The evidence gives no cause",
    "certainty": "The evidence is not as certain",
    "source": "That is not where the evidence comes from",
    "attribute": "The evidence does not say how it is",
}


def words_hold(case: Case) -> Refusal | None:
    """Every word must be grammar, the evidence's own, or part of a claim checked elsewhere."""
    allowed = neutral_stems().union(
        *(known.stems for known in case.known),
        *(frame_stems(known.item.tool) for known in case.known),
    )
    strange = [
        token
        for sentence in case.said.sentences
        for at, token in enumerate(sentence.tokens)
        if not _accounted(case, sentence, at, token, allowed)
    ]
    return _refusal(case, strange) if strange else None


def something_said(case: Case) -> Refusal | None:
    """'It is present.' claims nothing that could be checked."""
    easy = neutral_stems().union(*(frame_stems(known.item.tool) for known in case.known))
    for sentence in case.said.sentences:
        claims = [*sentence.mentions, *sentence.quantities, *sentence.anatomy]
        undecided = any(t.meaning == "undecided" for t in sentence.triggers)
        within = {at for t in sentence.triggers for at in range(t.start, t.end)}
        words = [t for at, t in enumerate(sentence.tokens) if t.kind == "word" and at not in within]
        if not claims and not undecided and all(word.stem in easy for word in words):
            return Refusal("empty", "The statement says nothing that could be checked.")
    return None


def _accounted(
    case: Case, sentence: Sentence, at: int, token: Token, allowed: frozenset[str]
) -> bool:
    if token.text == "only" and at + 1 in sentence.used:
        return True
    if token.kind == "sign":
        return token.text.isascii() or token.text in "–—−±×≥≤≈°“”„«»…·•"
    if at in sentence.used or token.stem in allowed:
        return True
    if any(t.start <= at < t.end and t.meaning in _LICENSED for t in sentence.triggers):
        return True
    if QUANTITIES.get(token.stem) in {noun for known in case.known for noun in known.nouns}:
        return True
    comparison = compared(sentence)
    if comparison is not None and at in comparison.positions:
        return True
    return _fits_probability(case, sentence, at)


def _fits_probability(case: Case, sentence: Sentence, at: int) -> bool:
    """'High' and 'low' may describe a probability that is."""
    near = {token.stem for token in sentence.tokens[max(0, at - 3) : at + 3]}
    if not near & {"probability", "likelihood", "chanc"}:
        return False
    values = [known.probability for known in case.known if known.probability is not None]
    word = sentence.tokens[at].text
    return (word == "high" and any(v >= 0.8 for v in values)) or (
        word == "low" and any(v <= 0.2 for v in values)
    )


def _refusal(case: Case, strange: list[Token]) -> Refusal:
    words = [t for s in case.said.sentences for t in s.tokens if t.kind == "word"]
    if len(strange) >= 3 and len(strange) > 0.5 * len(words):
        return Refusal("language", "The statement is not in a language that is checked here.")
    for token in strange:
        for code, stems in _KINDS.items():
            if token.stem in stems:
                return Refusal(code, f"{_REASONS[code]}: '{token.text}'.")
    for token in strange:
        clinical = looks_clinical(token.text)
        if clinical is not None:
            code = "finding" if clinical == "finding" else "recommendation"
            return Refusal(code, f"The cited evidence says nothing of: {token.text}.")
    return Refusal("invented", f"The cited evidence does not say: '{strange[0].text}'.")
