"""Does a report say that a finding is there? After ConText (Harkema et al. 2009).

Cues before and after a finding set what is said of it, within its clause. Only English: it is
what MedGemma writes.
"""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Said", "said_of"]

Said = Literal["present", "absent", "uncertain"] | None
"""None where nothing is said of now: history, what was asked, what is advised."""

_OTHER_TIME = re.compile(r"\b(history of|status post|s/p|prior history|in the past)\b")
_NOT_SAID = re.compile(
    r"\b(no (?:new|other|additional|further|interval|change|significant change)\b"
    r"|rule out|r/o|to exclude|to evaluate|evaluate for|evaluation (?:of|for)|assess for"
    r"|assessment for|recommend\w*|follow up|correlat\w+|if there is|indication|advised"
    r"|limited evaluation|risk of|signs and symptoms)\b"
)
"""Before a finding: it was asked about, or is to be looked for."""
_NOT_LOOKED_AT = re.compile(
    r"\b(?:not (?:assessed|evaluated|included)|(?:cannot|can not) be (?:assessed|evaluated))\b"
)
_HEDGED_NO = (
    r"no (?:definite|definitive|obvious|convincing|clear|large|significant|sizable|sizeable|gross"
    r"|focal acute|suspicious|major|overt)\b|without (?:definite|obvious|large|significant)\b"
    r"|no (?:clear|definite|convincing) evidence"
)
_NO = (
    r"clear of|no|without|negative for|free of|free from|absence of|lack of|denies|neither|nor"
    r"|not (?:any|a)"
    r"|no evidence of|no sign of|no signs of|rules out|excludes|resolution of|resolved|not have"
    r"|not show|not demonstrate|not see"
)
_MAYBE = (
    r"possibl[ey]|possibility of|may (?:be|represent|reflect|indicate|relate|suggest)|might"
    r"|could (?:be|represent|reflect|indicate)|probabl[ey]|likely|suspected|suspicious for"
    r"|suspicion"
    r"|suggest(?:s|ive of|ing|ed)|concerning for|concern for|questionable|question of|equivocal"
    r"|consistent with|compatible with|in keeping with|presumed|presumably|favou?rs?|favou?red"
    r"|differential|versus|vs|cannot exclude|can not exclude|cannot rule out|can not rule out"
    r"|not exclude|worrisome for|appears? to be|perhaps|potential(?:ly)?|indeterminate|rather than"
    r"|subtle|tiny questionable|raises|the possibility of"
)
_AFTER_MAYBE = (
    r"(?:is|are|remains?|was)? ?(?:possible|probable|likely|suspected|questioned|questionable"
    r"|not excluded|less likely|unlikely|a possibility|considered|in the differential|equivocal)"
    r"|(?:cannot|can not|could not) be (?:fully |entirely |completely )?(?:excluded|ruled out)"
    r"|(?:should|can) be considered|not be excluded|not (?:entirely |completely |fully )?excluded"
    r"|may be present|versus|vs"
    r"|could be present|might be present"
)
_AFTER_NO = (
    r"(?:is|are|was|were|has|have|appears?)? ?(?:not (?:seen|identified|present|evident|visible"
    r"|visuali[sz]ed|detected|appreciated|noted|observed|demonstrated|found)|absent|excluded"
    r"|ruled out|resolved|been excluded|cleared)|: (?:none|no|absent|negative|not present)"
    r"|has (?:completely |now )?(?:resolved|cleared)|(?:no longer) (?:seen|present|visible|evident)"
    r"|none(?: seen| identified)?"
)
_TURN = re.compile(
    r"\b(?:but|however|although|though|except|while|whereas|yet|with the exception of|apart from"
    r"|aside from|besides|other than)\b|;|, (?=(?:there|the|this|a|an|with)\b)"
    r"|\band (?=(?:there|the)\b)"
)
"""Where what a denial or a doubt reaches ends."""
_BEFORE = re.compile(rf"\b(?:(?P<hedged>{_HEDGED_NO})|(?P<maybe>{_MAYBE})|(?P<no>{_NO})\b)(?!\w)")
_AFTER = re.compile(
    rf"^[^,;]{{0,60}}?(?<!\w)(?:(?P<maybe>{_AFTER_MAYBE})|(?P<no>{_AFTER_NO}))(?!\w)"
)


def said_of(clause: str, start: int, end: int, ahead: int) -> Said:
    """Say what a sentence tells of a finding that it names.

    Args:
        clause: The sentence, in lower case, single blanks.
        start: Where the finding's words begin.
        end: Where they end.
        ahead: Where the next finding begins, or the sentence ends.
    """
    turns = [found.end() for found in _TURN.finditer(clause, 0, start)]
    before = clause[turns[-1] if turns else 0 : start]
    if _OTHER_TIME.search(before) or _NOT_SAID.search(before):
        return None
    if _NOT_LOOKED_AT.search(clause[end:ahead]):
        return None
    cues = [found.lastgroup for found in _BEFORE.finditer(before)]
    after = _AFTER.match(clause[end:ahead])
    found = {*cues, after.lastgroup if after else None}
    if "hedged" in found or "maybe" in found:
        return "uncertain"
    return "absent" if "no" in found else "present"
