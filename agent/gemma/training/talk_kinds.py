"""The kinds of generated cases that are talk: about the system, out of scope, orders, nonsense."""

from __future__ import annotations

from agent.gemma.embedded.reading import Reading, Wish
from agent.gemma.training.catalogues import OWN_FILES
from agent.gemma.training.files import FREE, POOL
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
    """About the system, in general or as to one matter or kind of file."""
    maybe_files(scene, 0.25)
    _maybe_past(scene, 0.4)
    if scene.random.random() < 0.4:
        tool = scene.random.choice(list(OWN_FILES))
        term = words("own").pick(scene.random, tool, f"{scene.tongue}.term", "en.term")
        thing = object_of(scene.random, tool, scene.tongue)
        scene.question = talk(scene, "ask", t=term, o=_one(thing, scene))
    else:
        scene.question = talk(scene, "about")
    if scene.random.random() < 0.3:
        scene.say(scene.question)
    return Reading("about")


def _one(thing: str, scene: Scene) -> str:
    """A file's name with an article where English wants one."""
    if scene.tongue != "en":
        return thing
    return scene.random.choice(
        (f"a {thing}", f"the {thing}", f"my {thing}", f"a {thing} like this")
    )


def definition(scene: Scene) -> Reading:
    """What a word means."""
    random = scene.random
    known = _TALK.all("words", scene.tongue)
    one, other = random.sample(known, 2)
    if random.random() < 0.2:
        one = words("free").pick(random, random.choice(list(FREE.values())), scene.tongue, "en")
        one = one.rstrip("?？ ")
    elif random.random() < 0.4:
        one = words("own").pick(random, scene.own_tool(), f"{scene.tongue}.term", "en.term")
    scene.question = talk(scene, "define", w=one, v=other)
    maybe_files(scene, 0.15)
    _maybe_past(scene, 0.5)
    return Reading("define")


def _drug(scene: Scene) -> dict[str, str]:
    one, other = scene.random.sample(_TALK.all("drugs", "en"), 2)
    return {"d": one, "e": other}


def scope(scene: Scene) -> Reading:
    """Out of scope: what to do, what one may do, chores, knowledge, law, others' data, copies."""
    random, style = scene.random, scene.random.random()
    if random.random() < 0.3:
        return _on_a_matter(scene)
    maybe_files(scene)
    if style < 0.3:
        text = talk(scene, "scope", **_drug(scene))
    elif style < 0.7:
        text = _put_together(scene, talk_of(scene, "out"))
    elif scene.tongue != "en" or style < 0.78:
        text = _put_together(scene, talk_of(scene, "know"))
    elif style < 0.88:
        text = " ".join(_TALK.pick(random, part, "en") for part in ("chores", "things"))
        text = f"{text} {_TALK.pick(random, 'chores', 'of')}"
    else:
        text = _put_together(scene, talk_of(scene, random.choice(("law", "persons", "filework"))))
    scene.say(scene.unmistakable(text.strip(), ""))
    _maybe_past(scene)
    return Reading("scope")


def _on_a_matter(scene: Scene) -> Reading:
    """Out of scope, and about what a tool reads files for."""
    random, tool = scene.random, scene.random.choice(list(OWN_FILES))
    if random.random() < 0.5:
        scene.attach([random.choice(OWN_FILES[tool])])
    term = words("own").pick(random, tool, f"{scene.tongue}.term", "en.term")
    text = _put_together(scene, talk_of(scene, "matter"), t=term)
    scene.say(scene.unmistakable(text, ""))
    _maybe_past(scene)
    return Reading("scope")


def talk_of(scene: Scene, section: str) -> str:
    """A template of a section of talk.ini, in the language of the scene or in English."""
    return _TALK.pick(scene.random, section, scene.tongue, "en")


def _put_together(scene: Scene, template: str, **filled: str) -> str:
    """Fill a template's acts, persons, drugs and files in."""
    random = scene.random
    acts = [talk_of(scene, "act").format_map(_drug(scene)) for _ in range(2)]
    thing = object_of(random, random.choice(list(OWN_FILES)), scene.tongue)
    return template.format_map({
        **_drug(scene), "act": acts[0], "act2": acts[1],
        "acting": _TALK.pick(random, "acting", "en").format_map(_drug(scene)),
        "who": _TALK.pick(random, "who", "en"), "live": talk_of(scene, "live"),
        "mg": _TALK.pick(random, "mg", "en"), "freq": _TALK.pick(random, "freq", "en"),
        "n": str(random.randint(2, 90)), "m": str(random.randint(10, 900)),
        "o": random.choice(("this", "it", f"the {thing}", f"this {thing}", "A1")),
        "e-mail": _TALK.pick(random, "e-mail", "en"), "food": _TALK.pick(random, "food", "en"),
        **filled,
    })  # fmt: skip


def scope_beside(scene: Scene) -> Reading:
    """A specialist is asked, and something out of scope beside: the first is done."""
    random = scene.random
    tool = scene.own_tool()
    here = scene.here(tool)
    text = scene.unmistakable(own(scene.random, tool, scene.tongue), here)
    scene.attach([scene.random.choice(OWN_FILES[tool])])
    extra = _put_together(scene, talk_of(scene, random.choice(("unsure", "unsure", "out"))))
    scene.question = f"{text if text[-1] in '.?!？。' else f'{text}.'} {extra}"
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
