"""The kinds of generated cases in which a specialist is not simply asked: traps and talk."""

from __future__ import annotations

from agent.gemma.embedded.concepts import spelled
from agent.gemma.embedded.reading import Reading, Wish
from agent.gemma.training.catalogues import OTHERS, OWN_FILES, Invented, services
from agent.gemma.training.files import FREE, KINDS, MODALITY_OF, POOL
from agent.gemma.training.scene import Scene, Unfit
from agent.gemma.training.speech import asked, file_id, free, object_of, own, phrase
from agent.gemma.training.talk_kinds import maybe_files, talk
from agent.gemma.training.words import words

__all__ = [
    "absent_kind",
    "added",
    "added_beside",
    "ambiguous",
    "comparison",
    "follow_up",
    "genotypes",
    "hidden",
    "latest",
    "missing",
    "wrong_file",
]


def _read(*wishes: Wish) -> Reading:
    return Reading("read", wishes)


def wrong_file(scene: Scene) -> Reading:
    """A specialist is asked, and only files are there that it does not take."""
    tool = scene.own_tool()
    here = scene.here(tool)
    text = scene.unmistakable(own(scene.random, tool, scene.tongue), here)
    wrong = [kind for kind in KINDS if kind not in OWN_FILES[tool] and kind != "scoring"]
    near = {"report_chest_xray": ("lateral film", "limb film", "unplaced film", "chest ct"),
            "report_ct": ("ct picture", "brain mr", "chest film"),
            "classify_skin_lesion": ("fundus", "slide"),
            "classify_retina": ("skin photo",)}.get(tool, ())  # fmt: skip
    kinds = [scene.random.choice(near if near and scene.random.random() < 0.5 else wrong)]
    if scene.random.random() < 0.25:
        kinds.append(scene.random.choice(wrong))
    scene.attach(kinds)
    scene.say(text)
    return _read(Wish(here))


def absent_kind(scene: Scene) -> Reading:
    """A kind of study is named of which no file is there."""
    code = scene.random.choice(list(MODALITY_OF))
    known = words("phrases").all("kinds", code)
    name = scene.random.choice(known)
    at = min(known.index(name), len(known) - 1)
    scene.tongue = "en" if name.startswith("the ") else scene.tongue
    scene.unmistakable(name, "")
    kinds = [kind for kind in POOL if kind not in MODALITY_OF[code]]
    scene.attach(scene.random.choices(kinds, k=scene.random.choice((1, 1, 2))))
    term = free(scene.random, "brain mr", "en") if at == 0 else ""
    text = phrase(scene.random, scene.tongue, "wrongkind", k=name, t=term.rstrip("?"))
    scene.say(text)
    return Reading("missing")


def missing(scene: Scene) -> Reading:
    """Nothing is attached, or an id is named that is not there."""
    random = scene.random
    style = random.random()
    if style < 0.4:
        tool = scene.own_tool()
        here = scene.here(tool)
        scene.say(scene.unmistakable(own(random, tool, scene.tongue), here))
        return _read(Wish(here))
    if style < 0.5:
        scene.say(phrase(random, scene.tongue, "plain"))
        return _read(Wish())
    if style < 0.6:
        text = free(random, random.choice(list(FREE)), scene.tongue)
        scene.say(scene.unmistakable(text, scene.vqa))
        return _read(Wish(scene.vqa))
    if style < 0.7:
        tool = scene.own_tool()
        text = phrase(random, scene.tongue, "secondthe", o=object_of(random, tool, scene.tongue))
        kind = random.choice([k for k in POOL if k not in OWN_FILES[tool]])
        scene.attach([kind])
        scene.say(text)
        return _read(Wish(scene.here(tool)))
    scene.attach(random.choices(POOL, k=random.choice((1, 1, 2, 3))))
    absent = file_id(f"A{len(scene.attachments) + random.choice((1, 1, 2, 4))}", random)
    term = words("own").pick(random, "report_chest_xray", "en.term")
    scene.say(phrase(random, scene.tongue, "missing", a=absent, b=absent.upper(), t=term)
              if len(scene.attachments) > 3 else
              phrase(random, scene.tongue, "missing", a=absent, b="A1", t=term))  # fmt: skip
    return Reading("missing")


def ambiguous(scene: Scene) -> Reading:
    """A file of which nobody knows what it is."""
    kind = scene.random.choice(("unknown picture", "unknown picture", "unknown volume",
                                "unplaced film", "unreadable"))  # fmt: skip
    scene.attach([kind])
    if kind == "unplaced film" or scene.random.random() < 0.6:
        tool = "report_chest_xray" if kind == "unplaced film" else scene.own_tool()
        here = scene.here(tool)
        scene.say(scene.unmistakable(own(scene.random, tool, scene.tongue), here))
        return _read(Wish(here))
    scene.say(phrase(scene.random, scene.tongue, "plain"))
    return _read(Wish())


def _some_added(scene: Scene) -> tuple[str, Invented]:
    if not scene.catalogue.added:
        raise Unfit
    return scene.random.choice(list(scene.catalogue.added.items()))


def added(scene: Scene) -> Reading:
    """A tool of another maker is wanted."""
    name, one = _some_added(scene)
    text = scene.unmistakable(asked(scene.random, one, scene.tongue), name)
    if one.file is not None and scene.random.random() < 0.93:
        scene.attach([one.file, *scene.distractors([one.file], 1)])
    elif one.file is None and scene.random.random() < 0.3:
        scene.attach([scene.random.choice(POOL)])
    scene.say(text)
    return _read(Wish(name))


def added_beside(scene: Scene) -> Reading:
    """A tool of another maker and a shipped one."""
    name, one = _some_added(scene)
    tool = scene.own_tool()
    here = scene.here(tool)
    kind = scene.random.choice(OWN_FILES[tool])
    if one.file is not None and KINDS[one.file]["kind"] == KINDS[kind]["kind"]:
        raise Unfit
    parts = [(name, scene.unmistakable(asked(scene.random, one, scene.tongue), name)),
             (here, scene.unmistakable(own(scene.random, tool, scene.tongue), here))]  # fmt: skip
    scene.random.shuffle(parts)
    scene.attach([kind, *([one.file] if one.file else [])])
    joint = phrase(scene.random, scene.tongue, "and")
    joint = joint if joint.startswith((",", ".", ";", "，", "；")) else f" {joint}"
    scene.say(f"{parts[0][1]}{joint} {parts[1][1]}")
    return _read(*(Wish(wanted) for wanted, _ in parts))


def hidden(scene: Scene) -> Reading:
    """A tool is wanted that is not there."""
    if scene.random.random() < 0.4:
        return _hidden_service(scene)
    other = words("other")
    section = scene.random.choice(OTHERS)
    if any(one.key == section for one in scene.catalogue.added.values()):
        raise Unfit
    file = other.pick(scene.random, section, "file") or None
    one = Invented(section, other.all(section, "term"), other.all(section, "object"),
                   other.all(section, "ask"), file)  # fmt: skip
    text = scene.unmistakable(asked(scene.random, one, scene.tongue), "")
    outcome = other.pick(scene.random, section, "hidden")
    scene.say(text)
    if outcome == "vqa" and file is not None:
        if file in ("fundus", "chest ct", "abdominal ct") and text in one.objects:
            raise Unfit
        scene.attach([file])
        return _read(Wish(scene.vqa))
    maybe_files(scene, 0.4)
    return Reading("scope" if outcome == "scope" else "missing")


_ELSEWHERE = ("laboratory", "record", "spirometry", "glucose monitor")
"""Services of which a wish is for what could be attached."""


def _hidden_service(scene: Scene) -> Reading:
    """A service is wanted that is not there."""
    service = scene.random.choice(services())
    if any(service in one.key for one in scene.catalogue.added.values()):
        raise Unfit
    forms = [form for form in spelled()[service] if len(form) > 2]
    one = Invented(f"concept:{service}", tuple(forms), (service,), (), None)
    scene.say(scene.unmistakable(asked(scene.random, one, scene.tongue), ""))
    maybe_files(scene, 0.25)
    return Reading("missing" if service in _ELSEWHERE else "scope")


def follow_up(scene: Scene) -> Reading:
    """A question that leans on the one before."""
    random = scene.random
    tool = scene.own_tool()
    here = scene.here(tool)
    kind = random.choice(OWN_FILES[tool])
    if random.random() < 0.25:
        free_kind = random.choice(list(FREE))
        first = scene.unmistakable(free(random, free_kind, scene.tongue), scene.vqa)
        here, kind = scene.vqa, free_kind
    else:
        first = scene.unmistakable(own(random, tool, scene.tongue), here)
    scene.history = [(first, "call")]
    if random.random() < 0.25:
        scene.history.insert(0, (talk(scene, "about"), "answer"))
    if random.random() < 0.3:
        other = scene.own_tool(tool)
        ids = scene.attach([kind, random.choice(OWN_FILES[other])], shuffle=False)
        if len(ids) < 2:
            raise Unfit
        thing = object_of(random, other, scene.tongue)
        scene.say(phrase(random, scene.tongue, "secondthe", o=thing))
        return _read(Wish(scene.here(other)))
    scene.attach([kind])
    scene.say(phrase(random, scene.tongue, "followup"))
    return _read(Wish(here))


def latest(scene: Scene) -> Reading:
    """A new file, and a question that points at it."""
    random = scene.random
    tool = scene.own_tool()
    here = scene.here(tool)
    kind = random.choice(OWN_FILES[tool])
    first = scene.unmistakable(own(random, tool, scene.tongue), here)
    if random.random() < 0.3:
        scene.history = [(first, "clarify")]
        scene.attach([kind])
        scene.say(phrase(random, scene.tongue, "latest"))
        return _read(Wish(here))
    scene.history = [(first, "call")]
    new = kind if random.random() < 0.5 else random.choice(POOL)
    scene.attach([kind, new], shuffle=False)
    scene.say(phrase(random, scene.tongue, "latest"))
    return _read(Wish(here if new == kind else None, ("A2",)))


def genotypes(scene: Scene) -> Reading:
    """Genotypes with scoring files or other genotypes."""
    here = scene.here("score_polygenic_risk")
    text = scene.unmistakable(own(scene.random, "score_polygenic_risk", scene.tongue), here)
    kinds = ["variants", "scoring"]
    if scene.random.random() < 0.2:
        kinds = scene.random.choice((["scoring"], ["variants", "scoring", "scoring"]))
    ids = scene.attach(kinds + scene.distractors(["variants", "scoring"]))
    if len(ids.get("scoring", ())) == 1 and "variants" in ids and scene.random.random() < 0.25:
        one, other = ids["scoring"][0], ids["variants"][0]
        text = scene.random.choice(("apply {a} to {b}", "run {a} on {b}", "score {b} with {a}",
                                    "use {a} for {b}", "{b} with the weights in {a}",
                                    "aplica {a} a {b}", "{a} auf {b} anwenden"))  # fmt: skip
        text = text.format(a=one, b=other)
    scene.say(text)
    return _read(Wish(here))


def _other_comparison(scene: Scene) -> Reading:
    """Two files of a kind that a tool reads one by one."""
    random = scene.random
    tool = scene.own_tool("report_chest_xray", "score_polygenic_risk")
    kind = random.choice(OWN_FILES[tool])
    term = words("own").pick(random, tool, f"{scene.tongue}.term", "en.term")
    text = phrase(random, scene.tongue, "compare", t=term)
    thing = object_of(random, tool, scene.tongue)
    scene.attach([kind, kind, *(scene.distractors([kind], 1) if random.random() < 0.2 else [])])
    scene.say(random.choice((f"{thing}: {text}", f"{thing}, {text}", f"{text} ({thing})")))
    return _read(Wish(scene.here(tool), (), together=True))


def comparison(scene: Scene) -> Reading:
    """Two films of the chest, one earlier; sometimes two other files, or one too few."""
    if scene.random.random() < 0.1:
        return _other_comparison(scene)
    random, here = scene.random, scene.here("report_chest_xray")
    term = words("own").pick(random, "report_chest_xray", f"{scene.tongue}.term")
    near = scene.distractors(["chest film"], 2) if random.random() < 0.3 else []
    ids = scene.attach(["chest film", "chest film", *near])["chest film"]
    if random.random() < 0.25:
        new, old = random.sample(ids, 2)
        text = phrase(random, "en", "compareid", a=new, b=old)
        scene.say(text)
        return _read(Wish(here, (new, old), together=True))
    text = phrase(random, scene.tongue, "compare", t=term)
    if not near and random.random() < 0.06:
        scene.attach([])
        scene.say(text)
        return Reading("missing")
    if random.random() < 0.3:
        joint = random.choice((", ", " - ", ". "))
        text = joint.join((object_of(random, "report_chest_xray", scene.tongue), text))
    if not near and random.random() < 0.3:
        scene.history = [(own(random, "report_chest_xray", scene.tongue), "call")]
        scene.say(text)
        return _read(Wish(here, (ids[1], ids[0]), together=True))
    scene.say(text)
    return _read(Wish(here, (), together=True))
