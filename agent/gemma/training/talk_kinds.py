"""The kinds of generated cases that are talk: about the system, out of scope, orders, nonsense."""

from __future__ import annotations

from agent.gemma.embedded.reading import Reading, Wish
from agent.gemma.training.catalogues import OWN_FILES
from agent.gemma.training.files import POOL
from agent.gemma.training.scene import Scene
from agent.gemma.training.speech import object_of, own, phrase
from agent.gemma.training.words import words

__all__ = [
    "about",
    "definition",
    "earlier",
    "forced",
    "identity",
    "maybe_files",
    "nonsense",
    "order",
    "rider",
    "scope",
    "scope_beside",
    "talk",
]

_TALK = words("talk")


def maybe_files(scene: Scene, chance: float = 0.5) -> None:
    """Attach files that have nothing to do with the question, or none."""
    if scene.random.random() < chance:
        scene.attach(scene.random.choices(POOL, k=scene.random.choice((1, 1, 1, 1, 2, 3, 6))))


def _maybe_past(scene: Scene, chance: float = 0.15) -> None:
    if scene.attachments and scene.random.random() < chance:
        scene.history = [(phrase(scene.random, scene.tongue, "plain"), "call")]


def talk(scene: Scene, section: str, **filled: str) -> str:
    """Words of a section of talk.ini."""
    text = _TALK.pick(scene.random, section, scene.tongue, "en")
    return text.format_map({"a": "A1", **filled}) if "{" in text else text


def about(scene: Scene) -> Reading:
    """About the system."""
    maybe_files(scene, 0.25)
    _maybe_past(scene, 0.4)
    scene.question = talk(scene, "about")
    return Reading("about")


def definition(scene: Scene) -> Reading:
    """What a word means."""
    random = scene.random
    known = _TALK.all("words", scene.tongue)
    one, other = random.sample(known, 2)
    if random.random() < 0.35:
        one = words("own").pick(random, scene.own_tool(), f"{scene.tongue}.term", "en.term")
    scene.question = talk(scene, "define", w=one, v=other)
    maybe_files(scene, 0.15)
    _maybe_past(scene, 0.5)
    return Reading("define")


def _drug(scene: Scene) -> dict[str, str]:
    one, other = scene.random.sample(_TALK.all("drugs", "en"), 2)
    return {"d": one, "e": other}


def scope(scene: Scene) -> Reading:
    """Out of scope."""
    text = talk(scene, "scope", **_drug(scene))
    if scene.tongue == "en" and scene.random.random() < 0.3:
        text = " ".join(
            _TALK.pick(scene.random, "chores", part) for part in ("verb", "thing", "of")
        )
    scene.say(scene.unmistakable(text.strip(), ""))
    maybe_files(scene)
    _maybe_past(scene)
    return Reading("scope")


def scope_beside(scene: Scene) -> Reading:
    """A specialist is asked, and something out of scope beside: the first is done."""
    tool = scene.own_tool()
    here = scene.here(tool)
    text = scene.unmistakable(own(scene.random, tool, scene.tongue), here)
    scene.attach([scene.random.choice(OWN_FILES[tool])])
    scene.question = f"{text} {talk(scene, 'unsure')}"
    return Reading("read", (Wish(here),))


def identity(scene: Scene) -> Reading:
    """Who the file is of."""
    maybe_files(scene, 0.8)
    scene.say(talk(scene, "identity"))
    return Reading("identity")


def order(scene: Scene) -> Reading:
    """Orders and no question."""
    maybe_files(scene, 0.6)
    parts = [talk(scene, "order") for _ in range(scene.random.choice((1, 1, 2)))]
    scene.say(scene.random.choice((". ", " and ", ", ")).join(dict.fromkeys(parts)))
    return Reading("order")


def rider(scene: Scene) -> Reading:
    """A question with an order on its back: the question is done."""
    tool = scene.own_tool()
    here = scene.here(tool)
    text = scene.unmistakable(own(scene.random, tool, scene.tongue), here)
    kind = scene.random.choice(OWN_FILES[tool])
    scene.attach([kind, *scene.distractors([kind], 1)])
    extra = talk(scene, "rider", n=scene.random.choice(list(scene.catalogue.tools)))
    parts = [text if text[-1] in ".?!" else f"{text}.", extra]
    if scene.random.random() < 0.3:
        parts.reverse()
    scene.question = " ".join(parts)
    return Reading("read", (Wish(here),))


def forced(scene: Scene) -> Reading:
    """A tool is named, whether it takes the file or not."""
    tool = scene.own_tool()
    here = scene.here(tool)
    scene.attach([scene.random.choice(POOL)])
    thing = object_of(scene.random, tool, scene.tongue)
    named = here if scene.random.random() < 0.8 else scene.catalogue.tools[here].title
    title = scene.catalogue.tools[here].title.lower()
    scene.say(talk(scene, "forced", n=named, k=thing, w=title))
    return Reading("read", (Wish(here),))


def nonsense(scene: Scene) -> Reading:
    """Nothing that can be understood."""
    scene.question = talk(scene, "nonsense")
    return Reading("unclear")


def earlier(scene: Scene) -> Reading:
    """About what was said before."""
    scene.attach([scene.random.choice(POOL)])
    scene.history = [(phrase(scene.random, scene.tongue, "plain"), "call")]
    scene.say(phrase(scene.random, scene.tongue, "earlier"))
    return Reading("earlier")
