"""Rules for what is named: same thing, polarity, certainty, side, site, modifiers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from agent.grounding.case import Case, Refusal, above_all
from agent.grounding.comparison import trend_holds
from agent.grounding.grades import grade_settled
from agent.grounding.known import Known
from agent.grounding.lexicon import above, lexicon
from agent.grounding.mentions import Mention
from agent.grounding.tokens import tokenise

__all__ = ["PLURAL", "mentions_hold", "seats"]

Test = Callable[[Case, Mention, Known, Mention], Refusal | None]


def _called(mention: Mention) -> str:
    return " or ".join(sorted(mention.names))


def mentions_hold(case: Case) -> Refusal | None:
    """Every finding, procedure, drug, change and attribute must be in the evidence, as said."""
    for mention in case.said.mentions:
        framed = mention.category in {"finding", "trait"} and mention.names <= case.frame
        if framed and (mention.level or 0) >= 0:
            if strange := sorted(mention.sites - _reached(case)):
                return Refusal("site", f"The cited evidence says nothing of the {strange[0]}.")
            continue
        if grade_settled(case, mention):
            continue
        if mention.category == "change" and trend_holds(case, mention):
            continue
        refusal = _mention_holds(case, mention)
        if refusal is not None:
            return refusal
    return None


def _reached(case: Case) -> set[str]:
    """Places that the cited evidence names, and what its tools look at."""
    named = {name for k in case.known for name in k.anatomy}
    found = {s for k in case.known for m in k.mentions for s in (*m.sites, *seats(m))}
    return above_all(named | found) | case.frame


def _mention_holds(case: Case, mention: Mention) -> Refusal | None:
    furthest: tuple[int, Refusal] | None = None
    sides: set[str] = set()
    for known in case.known:
        for other in known.mentions:
            step, refusal = _first_failing(case, mention, known, other)
            if refusal is None:
                return None
            if refusal.code == "side":
                sides |= other.sides
                if mention.sides <= sides and (mention.level or 0) > 0:
                    return None
            if furthest is None or step > furthest[0]:
                furthest = (step, refusal)
    return furthest[1] if furthest else _unnamed(mention)


def _first_failing(
    case: Case, mention: Mention, known: Known, other: Mention
) -> tuple[int, Refusal | None]:
    for step, test in enumerate(_TESTS):
        refusal = test(case, mention, known, other)
        if refusal is not None:
            return step, refusal
    return len(_TESTS), None


def _unnamed(mention: Mention) -> Refusal:
    codes = {"procedure": "recommendation", "drug": "recommendation", "change": "time"}
    return Refusal(
        codes.get(mention.category, "finding"),
        f"The cited evidence says nothing of: {_called(mention)}.",
    )


def _same_thing(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.undecided or said.level == 0:
        fits = any(said.names & above(name) for name in other.names)
    elif said.level is not None and said.level < 0:
        fits = all(other.names & above(name) or _framed(case, name, other) for name in said.names)
        fits = fits and (len(other.names) == 1 or other.names <= said.names)
    else:
        fits = all(said.names & above(name) for name in other.names)
    if fits or _opposite(said, other):
        return None
    if not said.names & above_all(other.names):
        return _unnamed(said)
    code = "certainty" if other.level == 0 else "finding"
    if (said.level or 0) * (other.level or 0) < 0:
        code = "polarity"
    return Refusal(code, f"The evidence leaves open which it is: {_called(other)}.")


def _framed(case: Case, name: str, other: Mention) -> bool:
    """Of a skin lesion 'not malignant' denies the malignant skin lesion."""
    return name == "cancer" and other.names == {"skin cancer"} and "skin" in case.frame


def _opposite(said: Mention, other: Mention) -> bool:
    """'Normal' and 'no abnormality' are one, and so are 'benign' and 'not malignant'."""
    bad = {"abnormal", "abnormality"}
    return bool(
        (said.names == {"normal"} and other.names & bad and said.level == 2 and other.level == -2)
        or (
            other.names == {"normal"}
            and said.names <= bad
            and said.level == -2
            and other.level == 2
        )
        or (
            said.names == {"benign"}
            and "cancer" in above_all(other.names)
            and (said.level, other.level) in {(0, 0), (2, -2), (1, -2)}
        )
    )


def _same_polarity(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.level is None or said.category == "trait" or _opposite(said, other):
        return None
    if other.level is None and other.status == "unassessed" and said.undecided:
        return None
    if other.level is None:
        return Refusal("certainty", f"The evidence does not say whether: {_called(said)}.")
    if _all_alternatives(said, known, other):
        fits = True
    elif said.undecided:
        fits = other.level == 0 or (said.level < 0 and other.level < 0)
    elif said.level >= 0:
        fits = other.level >= said.level
    else:
        fits = other.level <= said.level
    if fits:
        return None
    if said.level * other.level < 0 or (said.level < 0) != (other.level < 0):
        return Refusal("polarity", f"The evidence says otherwise of: {_called(said)}.")
    return Refusal("certainty", f"The evidence is not as certain of: {_called(said)}.")


def _all_alternatives(said: Mention, known: Known, other: Mention) -> bool:
    """'A, B or C' of a set that holds A, B and C: an 'or' leaves open which."""
    several = known.class_size > 1 and len(said.names) > 1 and (said.level or 0) > 0
    several = several and len(other.names) >= known.class_size
    return several and other.level == 0 and all(said.names & above(name) for name in other.names)


def _same_status(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.status == other.status:
        return None
    if said.status != "unassessed" and (said.level is None or said.level == 0):
        return None
    return Refusal("status", f"History, condition and presence differ for: {_called(said)}.")


def _same_side(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.level is None:
        return None
    refusal = Refusal("side", f"The evidence gives another side, or none, for: {_called(said)}.")
    if (said.level or 0) >= 0:
        both = len(said.sides) > 1 and not other.sides and PLURAL.search(known.item.text)
        return None if both or said.sides <= other.sides else refusal
    if len(other.sides) != 1:
        return None
    return None if said.sides and said.sides <= other.sides else refusal


PLURAL = re.compile(r"\b(?:lungs|kidneys|eyes|pleural spaces)\b", re.I)
"""Things of which a person has two: 'the lungs are clear' is said of both."""


def _same_site(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.level is None:
        return None
    refusal = Refusal("site", f"The evidence gives another site, or none, for: {_called(said)}.")
    if (said.level or 0) >= 0:
        reached = above_all(other.sites | seats(other))
        near = known.anatomy if len(known.claims.sentences) == 1 else frozenset[str]()
        alone = len([m for m in known.mentions if m.category == "finding"]) == 1
        reached |= above_all(near) if alone else set()
        if said.level == 0:  # what something may be, of a place that another item names
            reached |= {s for k in _beside(case, known) for s in above_all(k.anatomy)}
        return None if all(s in reached or s in case.frame for s in said.sites) else refusal
    sites = other.sites - case.frame
    bounds = sites or case.frame
    inside = all(above(site) & bounds for site in said.sites)
    return None if (inside or not sites) and (said.sites or not sites) else refusal


def _beside(case: Case, known: Known) -> list[Known]:
    """What else is cited of the same tool and file."""
    source = (known.item.tool, known.item.attachment)
    return [k for k in case.known if (k.item.tool, k.item.attachment) == source]


SEATS = {
    "pleural effusion": {"pleura", "lung"}, "pneumothorax": {"pleura", "lung"},
    "cardiomegaly": {"heart"}, "renal cyst": {"kidney"}, "diabetic retinopathy": {"retina"},
    "diabetic macular edema": {"macula"}, "pneumonia": {"lung"}, "pulmonary opacity": {"lung"},
    "lung tumor": {"lung"}, "colorectal cancer": {"colorectum"}, "skin cancer": {"skin"},
    "atelectasis": {"lung"}, "consolidation": {"lung"}, "colorectal adenocarcinoma": {"colorectum",
    "epithelium", "colon", "mucosa"}, "lymphadenopathy": {"lymph node"},
    "osteosarcoma": {"bone"}, "pulmonary embolism": {"lung", "pulmonary artery"},
    "emphysema": {"lung"}, "normal mucosa": {"mucosa", "colon"},
    "benign lung tissue": {"lung"}, "adipose tissue": {"fat"},
}  # fmt: skip
"""Where a finding always is."""


def seats(mention: Mention) -> frozenset[str]:
    """Return the places where a finding always is."""
    names = above_all(mention.names)
    return frozenset(s for name in names for s in (*SEATS.get(name, ()), *_seats_named(name)))


@lru_cache(maxsize=1024)
def _seats_named(name: str) -> frozenset[str]:
    """'Lung adenocarcinoma' is in the lung."""
    singles = lexicon("en").singles
    tags = {tag for token in tokenise(name) for tag in singles.get(token.stem, ())}
    return frozenset(value for kind, value in tags if kind == "anatomy")


def _same_source(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    contrast = _contrasted(case, said)
    if contrast is not None and (other.level or 0) * contrast.get(_one(known.sources), 1) < 0:
        return Refusal("source", f"The sources are told the wrong way round of {_called(said)}.")
    if not said.sources or said.sources & known.sources:
        return None
    return Refusal("source", f"That is not where the evidence on {_called(said)} comes from.")


def _one(sources: frozenset[str]) -> str:
    return next((s for s in ("film", "ct", "mr", "ultrasound") if s in sources), "")


def _contrasted(case: Case, said: Mention) -> dict[str, int] | None:
    """'Present on the film, absent on CT': which source says what, in order."""
    if len(said.sources) < 2:
        return None
    sentence = next(s for s in case.said.sentences if said in s.mentions)
    inside = [sentence.items[at] for at in range(said.clause.start, said.clause.end)]
    told = [1 if i.has("affirm") else -1 for i in inside if i.has("affirm", "abs")]
    sources = [v for i in inside for v in i.values("src")]
    if len(told) != len(sources) or len(set(told)) < 2:
        return None
    return dict(zip(sources, told, strict=True))


def _same_modifiers(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.level is None or (said.undecided and said.modifiers <= _DEGREES):
        return None
    if (said.level or 0) < 0:
        fits = other.modifiers - {"resolved"} <= said.modifiers
    else:
        alone = len([m for m in known.mentions if m.category == "finding"]) == 1
        told = {v for kind, v in known.tags if kind in {"modifier", "change"}}
        told = told if alone else set(other.modifiers)
        told |= {name for alike in _ALIKE if told & alike for name in alike}
        told |= {"focal"} if "lesion" in above_all(said.names) else set()
        rated = other.modifiers & _RATED if (said.level or 0) > 0 else frozenset[str]()
        fits = said.modifiers - {"referable"} - _trends(case, said) <= told
        fits = fits and rated <= said.modifiers
    if fits:
        return None
    extra = ", ".join(sorted(said.modifiers ^ other.modifiers))
    code = "time" if said.modifiers & _CHANGES else "attribute"
    return Refusal(code, f"The evidence does not say so of {_called(said)}: {extra}.")


_ALIKE = ({"small", "mild", "minimal"}, {"old", "chronic"})
"""Modifiers that say the same of a finding."""
_RATED = frozenset({"high risk", "low risk", "resolved"})
"""A risk of something is not the thing, nor is what has resolved."""
_DEGREES = frozenset({"mild", "moderate", "severe", "advanced"})
_CHANGES = frozenset(
    {"new", "increased", "decreased", "stable", "changed", "resolved", "recurrent", "persistent"}
)


def _trends(case: Case, said: Mention) -> set[str]:
    """Changes that follow from an earlier and a present number."""
    changes = [m for m in case.said.mentions if m.category == "change"]
    return {name for m in changes if trend_holds(case, m) for name in m.names}


_TESTS: tuple[Test, ...] = (
    _same_thing, _same_source, _same_polarity, _same_status, _same_side, _same_site,
    _same_modifiers,
)  # fmt: skip
