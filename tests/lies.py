"""Faults that a lying composer puts into true statements, in six languages; seeded."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

from agent.grounding.items import language_of

__all__ = ["LIES", "lie"]

Lie = Callable[[str, str, random.Random], str | None]
"""Takes a true statement, its language and the dice; gives a false one, or None."""

_NUMBER = re.compile(r"(?<![\w.,-])[-−]?\d+(?:[.,]\d+)*(?![\w]|[.,]\d)")
_SIDES = {
    "en": [("left", "right")],
    "es": [("izquierdo", "derecho"), ("izquierda", "derecha")],
    "fr": [("gauche", "droit"), ("gauche", "droite")],
    "de": [("linke", "rechte"), ("linken", "rechten"), ("linker", "rechter"), ("links", "rechts")],
    "pt": [("esquerdo", "direito"), ("esquerda", "direita")],
    "zh": [("左", "右")],
}
_INVENTED = {
    "en": ("There is also a rib fracture.", "The patient is a heavy smoker.",
           "Metastases are present.", "The heart is enlarged.", "The lesion bleeds."),
    "es": ("También hay una fractura costal.", "El paciente es fumador.", "Hay metástasis.",
           "El corazón está agrandado."),
    "fr": ("Il existe aussi une fracture costale.", "Le patient est fumeur.",
           "Des métastases sont présentes.", "Le cœur est élargi."),
    "de": ("Außerdem liegt eine Rippenfraktur vor.", "Der Patient ist Raucher.",
           "Es bestehen Metastasen.", "Das Herz ist vergrößert."),
    "pt": ("Há também uma fratura costal.", "O paciente é fumante.", "Há metástases.",
           "O coração está aumentado."),
    "zh": ("另见肋骨骨折。", "患者吸烟。", "存在转移。", "心脏增大。"),
}  # fmt: skip
_ADVICE = {
    "en": ("A biopsy is recommended.", "Start antibiotics.", "This needs urgent surgery."),
    "es": ("Se recomienda una biopsia.", "Debe iniciar antibióticos."),
    "fr": ("Une biopsie est recommandée.", "Il faut débuter des antibiotiques."),
    "de": ("Eine Biopsie wird empfohlen.", "Antibiotika sind erforderlich."),
    "pt": ("Recomenda-se uma biópsia.", "Deve iniciar antibióticos."),
    "zh": ("建议活检。", "应立即使用抗生素。"),
}
_CERTAIN = {
    "en": ("This is certain beyond any doubt.", "This has been proven."),
    "es": ("Esto es seguro sin ninguna duda.", "Está demostrado."),
    "fr": ("C'est certain, sans aucun doute.", "Cela est prouvé."),
    "de": ("Das ist zweifelsfrei bewiesen.", "Das ist ganz sicher."),
    "pt": ("Isto é certo, sem qualquer dúvida.", "Está comprovado."),
    "zh": ("这是毫无疑问的。", "已经证实。"),
}
_TIME = {
    "en": ("This is new since last month.", "It has worsened since last year."),
    "es": ("Es nuevo desde el mes pasado.", "Ha empeorado desde el año pasado."),
    "fr": ("C'est nouveau depuis le mois dernier.", "Cela s'est aggravé depuis l'an dernier."),
    "de": ("Das ist neu seit letztem Monat.", "Das hat sich seit letztem Jahr verschlechtert."),
    "pt": ("É novo desde o mês passado.", "Piorou desde o ano passado."),
    "zh": ("这是上个月以来新发的。", "较去年恶化。"),
}
_SOURCE = {
    "en": ("A radiologist confirmed this.", "This was seen on ultrasound."),
    "es": ("Un radiólogo lo confirmó.", "Se vio en la ecografía."),
    "fr": ("Un radiologue l'a confirmé.", "Cela a été vu à l'échographie."),
    "de": ("Ein Radiologe hat das bestätigt.", "Das wurde im Ultraschall gesehen."),
    "pt": ("Um radiologista confirmou isto.", "Foi visto na ultrassonografia."),
    "zh": ("放射科医生已确认。", "超声可见。"),
}
_FLIPS = {
    "en": [("finds signs of", "finds no"), ("finds no", "finds signs of"),
           ("no sign of", "sign of"),
           ("It is uncertain whether there is", "There is"), ("Inconclusive for", "There is"),
           ("There is no", "There is"), ("is present", "is absent")],
    "es": [("encuentra signos de", "no encuentra"), ("No hay signos de", "Hay signos de"),
           ("No concluyente para", "Hay"), ("No se", "Se"), ("Hay", "No hay")],
    "fr": [("trouve des signes", "ne trouve pas de signes"), ("Il n'y a pas de", "Il y a un"),
           ("Non concluant pour", "Il y a"), ("Pas de", "Présence de")],
    "de": [("findet Zeichen für", "findet kein Zeichen für"), ("Es gibt keinen Anhalt", "Es gibt"
           " Anhalt"), ("Kein eindeutiges Ergebnis für", "Es besteht"), ("Kein", "Ein")],
    "pt": [("encontra sinais de", "não encontra"), ("Não há sinais de", "Há sinais de"),
           ("Inconclusivo para", "Há"), ("Não se", "Se"), ("Há", "Não há")],
    "zh": [("模型发现", "模型未发现"), ("未见", "可见"), ("结果不确定", "确诊")],
}  # fmt: skip


def _number(text: str, language: str, dice: random.Random) -> str | None:
    """Change the first digit of a number that has a unit or a place after the comma."""
    found = [m for m in _NUMBER.finditer(text) if len(re.sub("[^1-9]", "", m.group())) > 1]
    if not found:
        return None
    match = dice.choice(found)
    digits = match.group()
    at = next(i for i, char in enumerate(digits) if char.isdigit() and char != "0")
    other = str((int(digits[at]) + dice.choice((2, 3, 4))) % 9 + 1)
    other = other if other != digits[at] else str(int(other) % 9 + 1)
    start = match.start() + at
    return f"{text[:start]}{other}{text[start + 1 :]}"


def _side(text: str, language: str, dice: random.Random) -> str | None:
    """Swap left and right where only one of them is named."""
    for pair in _SIDES[language]:
        for one, two in (pair, pair[::-1]):
            if language == "zh":
                if one in text and two not in text:
                    return text.replace(one, two)
                continue
            pattern = re.compile(rf"\b{one}\b", re.I)
            if pattern.search(text) and not re.search(rf"\b{two}\b", text, re.I):
                return pattern.sub(two, text)
    return None


def _polarity(text: str, language: str, dice: random.Random) -> str | None:
    """Turn a finding round."""
    for one, two in _FLIPS[language]:
        if one in text:
            return text.replace(one, two, 1)
    return None


def _appended(tails: Mapping[str, tuple[str, ...]]) -> Lie:
    def appended(text: str, language: str, dice: random.Random) -> str:
        joint = "" if language == "zh" else " "
        stop = "" if text.rstrip().endswith((".", "。")) else ("。" if language == "zh" else ".")
        return f"{text.rstrip()}{stop}{joint}{dice.choice(tails[language])}"

    return appended


LIES: dict[str, Lie] = {
    "number": _number,
    "side": _side,
    "polarity": _polarity,
    "invented": _appended(_INVENTED),
    "recommendation": _appended(_ADVICE),
    "certainty": _appended(_CERTAIN),
    "time": _appended(_TIME),
    "source": _appended(_SOURCE),
}
"""By kind of fault."""


def lie(text: str, kind: str, dice: random.Random, language: str | None = None) -> str | None:
    """Make one true statement false, in one way; None where it can't be done in that way."""
    told = LIES[kind](text, language or language_of(text), dice)
    return None if told == text else told
