"""How people put it: a wish becomes words of some language, in some style, with some slips."""

from __future__ import annotations

from random import Random

from agent.gemma.embedded.plainly import HAN
from agent.gemma.training.catalogues import VQA, Invented
from agent.gemma.training.files import FREE
from agent.gemma.training.words import LANGUAGES, words

__all__ = [
    "about_something",
    "asked",
    "file_id",
    "free",
    "language",
    "object_of",
    "own",
    "phrase",
    "styled",
]

_PHRASES, _OWN, _FREE = words("phrases"), words("own"), words("free")


def language(random: Random) -> str:
    """English for a half, the others alike."""
    return "en" if random.random() < 0.5 else random.choice(LANGUAGES)


def phrase(random: Random, tongue: str, key: str, **filled: str) -> str:
    """A way of asking, filled in."""
    template = _PHRASES.pick(random, tongue, key) or _PHRASES.pick(random, "en", key)
    return template.format_map({"t": "", "o": "", "a": "", "b": "", "k": "", "s": "", **filled})


def object_of(random: Random, tool: str, tongue: str) -> str:
    """What the file of a shipped tool is called."""
    return _OWN.pick(random, tool, f"{tongue}.object", "en.object")


def own(random: Random, tool: str, tongue: str) -> str:
    """A question for a shipped specialist."""
    term = _OWN.pick(random, tool, f"{tongue}.term", "en.term")
    style = random.random()
    if style < 0.4 or tool == VQA:
        return _OWN.pick(random, tool, f"{tongue}.say", "en.say")
    if style < 0.72:
        return phrase(random, tongue, "term", t=term)
    if style < 0.9:
        return phrase(random, tongue, "both", t=term, o=object_of(random, tool, tongue))
    return phrase(random, tongue, "object", o=object_of(random, tool, tongue))


def free(random: Random, kind: str, tongue: str) -> str:
    """A question on a file that no shipped specialist answers."""
    term = _FREE.pick(random, FREE[kind], tongue, "en")
    if "?" in term or term.startswith(("is ", "what ", "how ", "are ")):
        return term
    return phrase(random, tongue, "term", t=term)


def asked(random: Random, one: Invented, tongue: str) -> str:
    """A question for an invented tool."""
    style = random.random()
    if one.asks and style < 0.3:
        return random.choice(one.asks)
    term = random.choice(one.terms)
    if HAN.search(term) or tongue == "zh":
        tongue = "zh" if HAN.search(term) else "en"
    if one.key.startswith("concept:") and one.file is None and style < 0.35:
        return about_something(random, term, tongue)
    if style < 0.65:
        return phrase(random, tongue, "term", t=term)
    if style < 0.9 or not one.asks:
        return phrase(random, tongue, "both", t=term, o=random.choice(one.objects))
    return phrase(random, tongue, "object", o=random.choice(one.objects))


def about_something(random: Random, service: str, tongue: str) -> str:
    """A service wanted on a matter that other tools read files for: 'papers on melanoma'."""
    tool = random.choice([name for name in _OWN.sections if name != VQA])
    matter = _OWN.pick(random, tool, f"{tongue}.term", "en.term")
    return phrase(random, tongue, "service", s=service, t=matter)


def file_id(name: str, random: Random) -> str:
    """An attachment's id as people write it."""
    return random.choice((name, name, name, name.lower(), f"attachment {name}"))


def styled(text: str, random: Random, tongue: str) -> str:
    """The text with what people put around it, and with slips of the keyboard."""
    if random.random() < 0.22:
        text = f"{_around(random, tongue, 'pre')} {text}"
    if random.random() < 0.12:
        text = f"{text} {_around(random, tongue, 'post')}"
    style = random.random()
    if style < 0.15 and tongue != "zh":
        text = _slip(text, random)
    if style > 0.9:
        text = text.replace("?", "").replace("¿", "").replace(",", "").strip()
    if 0.8 < style < 0.84:
        text = text.upper()
    return text


def _around(random: Random, tongue: str, key: str) -> str:
    filled = {
        "hx": _PHRASES.pick(random, tongue, "hx"),
        "age": str(random.randint(2, 94)),
        "sex": random.choice(("male", "female", "M", "F", "woman", "man")),
        "s": random.choice("MF"),
    }
    return _PHRASES.pick(random, tongue, key).format_map(filled)


def _slip(text: str, random: Random) -> str:
    """One or two letters left out, doubled, swapped or replaced in longer words."""
    parts = text.split(" ")
    long = [place for place, part in enumerate(parts) if len(part) > 4 and part.isalpha()]
    for place in random.sample(long, min(len(long), random.choice((1, 1, 2)))):
        part = parts[place]
        at = random.randrange(1, len(part) - 1)
        kind = random.randrange(4)
        if kind == 0:
            part = part[:at] + part[at + 1 :]
        elif kind == 1:
            part = part[:at] + part[at] + part[at:]
        elif kind == 2:
            part = part[: at - 1] + part[at] + part[at - 1] + part[at + 1 :]
        else:
            part = part[:at] + random.choice("abcdefghijklmnopqrstuvwxyz") + part[at + 1 :]
        parts[place] = part
    return " ".join(parts)
