"""The kinds of generated cases: each puts a question on a scene and says what it asks for."""

from __future__ import annotations

from agent.gemma.embedded.clauses import clauses, picks
from agent.gemma.embedded.reading import Reading, Wish
from agent.gemma.training.catalogues import OWN_FILES, VQA
from agent.gemma.training.files import FREE
from agent.gemma.training.other_kinds import (
    absent_kind,
    added,
    added_beside,
    ambiguous,
    comparison,
    follow_up,
    genotypes,
    hidden,
    latest,
    missing,
    wrong_file,
)
from agent.gemma.training.scene import Scene, Unfit
from agent.gemma.training.speech import file_id, free, object_of, own, phrase
from agent.gemma.training.talk_kinds import (
    about,
    definition,
    earlier,
    forced,
    identity,
    nonsense,
    order,
    rider,
    scope,
    scope_beside,
)
from agent.gemma.training.words import clinicians_questions, words

__all__ = [
    "about",
    "absent_kind",
    "added",
    "added_beside",
    "all_but",
    "ambiguous",
    "beside",
    "by_id",
    "clinicians",
    "comparison",
    "definition",
    "earlier",
    "every",
    "follow_up",
    "forced",
    "free_question",
    "genotypes",
    "hidden",
    "identity",
    "latest",
    "missing",
    "nonsense",
    "only",
    "order",
    "plain",
    "rider",
    "scope",
    "scope_beside",
    "several",
    "single",
    "wrong_file",
]

_LUNG_WORDS = ("opaci", "consolid", "infiltrat", "pneumonia", "airspace", "air space", "infection")
_BOTH = (
    ("report_chest_xray", "chest film"),
    ("report_ct", "chest ct"),
    ("report_ct", "abdominal ct"),
    ("classify_retina", "fundus"),
    ("classify_pathology", "slide"),
)
_GENERAL = ("normal", "abnormal", "wrong", "healthy")


def _read(*wishes: Wish) -> Reading:
    return Reading("read", wishes)


def single(scene: Scene) -> Reading:
    """One specialist and its file, perhaps among others."""
    tool = scene.own_tool()
    here = scene.here(tool)
    text = scene.unmistakable(own(scene.random, tool, scene.tongue), here)
    kind = scene.random.choice(OWN_FILES[tool])
    count = scene.random.choice((1, 1, 1, 1, 1, 1, 2, 3))
    scene.attach([kind] * count + scene.distractors([kind]))
    scene.say(text)
    return _read(Wish(here))


def free_question(scene: Scene) -> Reading:
    """A question that only the tool for free questions can answer."""
    kind = "chest film" if scene.random.random() < 0.25 else scene.random.choice(list(FREE))
    if scene.random.random() < 0.25:
        text = own(scene.random, VQA, scene.tongue)
    else:
        text = free(scene.random, kind, scene.tongue)
    vqa = scene.vqa
    scene.unmistakable(text, vqa)
    ids = scene.attach([kind, *(scene.distractors([kind]) if scene.random.random() < 0.4 else [])])
    only = len(scene.kinds) == 1
    if not only and text in words("own").all(VQA, f"{scene.tongue}.say"):
        raise Unfit
    scene.say(text)
    return _read(Wish(vqa, () if only else tuple(ids[kind])))


def clinicians(scene: Scene) -> Reading:
    """A clinician's question as it was asked, on a picture of that organ."""
    organ, _, text = scene.random.choice(clinicians_questions())
    scene.tongue = "en"
    plain = text.lower()
    general = any(word in plain for word in _GENERAL)
    if organ == "CHEST":
        kind = scene.random.choice(("chest film", "chest film", "chest film", "ct picture"))
        lungs = any(word in plain for word in _LUNG_WORDS) or (general and "lung" in plain)
        if kind == "chest film" and lungs:
            scene.attach([kind])
            scene.say(scene.unmistakable(text, scene.here("report_chest_xray")))
            return _read(Wish(scene.here("report_chest_xray")))
    elif organ == "HEAD":
        kind = scene.random.choice(("brain mr", "mr picture", "head ct", "ct picture"))
    else:
        kind = scene.random.choice(("abdominal ct", "ct picture", "abdomen film", "other mr"))
    if general or "calcif" in plain or " fat" in plain:
        raise Unfit
    scene.attach([kind])
    scene.say(scene.unmistakable(text, scene.vqa))
    return _read(Wish(scene.vqa))


def plain(scene: Scene) -> Reading:
    """A question that names nothing: whichever tool is made for the file."""
    files = ("chest film", "chest ct", "abdominal ct", "fundus", "dermoscopy", "skin photo",
             "slide", "patch", "brain mr", "limb film", "ultrasound", "lateral film",
             "ct picture", "knee mr", "pet", "variants")  # fmt: skip
    scene.attach([scene.random.choice(files)])
    scene.say(phrase(scene.random, scene.tongue, "plain"))
    return _read(Wish())


def several(scene: Scene) -> Reading:
    """Two to four requests in one question, for specialists and free ones."""
    random = scene.random
    if random.random() < 0.25:
        return _both_on_one(scene)
    count = random.choice((2, 2, 2, 2, 3, 3, 4))
    free_ones = min(count, random.choice((0, 0, 0, 1, 1, 2)))
    kinds, texts, wanted = [], [], []
    for tool in random.sample(list(OWN_FILES), count - free_ones):
        here = scene.here(tool)
        kind = random.choice(OWN_FILES[tool])
        kinds.append(kind)
        wanted.append((here, kind))
        texts.append(scene.unmistakable(_part(scene, tool, kind), here))
    for kind in random.sample(list(FREE), free_ones):
        vqa = scene.vqa
        kinds.append(kind)
        wanted.append((vqa, kind))
        texts.append(scene.unmistakable(_free_part(scene, kind), vqa))
    if len(set(kinds)) < len(kinds):
        raise Unfit
    ids = scene.attach(kinds + (scene.distractors(kinds, 1) if random.random() < 0.3 else []))
    for text, (here, kind) in zip(texts, wanted, strict=True):
        _tellable(scene, text, here, ids[kind][0])
    order = list(zip(texts, wanted, strict=True))
    random.shuffle(order)
    parts = [text.rstrip("?.") if random.random() < 0.5 else text for text, _ in order]
    scene.say(_joined(scene, parts))
    return _read(*_gathered(scene, [(here, ids[kind][0]) for _, (here, kind) in order]))


def _gathered(scene: Scene, wanted: list[tuple[str, str]]) -> list[Wish]:
    """Wishes in the order of the question; free ones name their files, in one wish."""
    made: dict[str, tuple[str, ...]] = {}
    for here, name in wanted:
        free_one = here == scene.catalogue.own.get(VQA)
        made[here] = (*made.get(here, ()), *((name,) if free_one else ()))
    return [Wish(here, tuple(sorted(names))) for here, names in made.items()]


def _part(scene: Scene, tool: str, kind: str) -> str:
    """One request among several: often the file's name, then what is asked of it."""
    random = scene.random
    text = own(random, tool, scene.tongue)
    if random.random() < 0.3:
        thing = object_of(random, tool, scene.tongue)
        return random.choice((f"{thing}: {text}", f"{thing}, {text}", f"{thing} - {text}"))
    return text


def _free_part(scene: Scene, kind: str) -> str:
    text = free(scene.random, kind, scene.tongue)
    known = words("free").all("names", FREE[kind])
    if known and scene.random.random() < 0.5:
        name = scene.random.choice(known)
        return scene.random.choice((f"{name}: {text}", f"{name}, {text}", f"{text} ({name})"))
    return text


def _tellable(scene: Scene, text: str, here: str, name: str) -> None:
    """Make sure that a part of a question says which file it is about."""
    if here != scene.catalogue.own.get(VQA):
        return
    kinds = [one.manifest.kind for one in scene.attachments if one.manifest]
    mine = next(one.manifest for one in scene.attachments if one.id == name)
    alone = mine is not None and kinds.count(mine.kind) == 1
    found = [picks(part, scene.attachments) for part in clauses(text)]
    told = {one for pick in found for one in (pick.named or pick.near)}
    if told != {name} and not (alone and not told):
        raise Unfit


def _both_on_one(scene: Scene) -> Reading:
    """A specialist and a free question about the same file."""
    random = scene.random
    tool, kind = random.choice(_BOTH)
    here, vqa = scene.here(tool), scene.vqa
    parts = [
        (here, scene.unmistakable(own(random, tool, scene.tongue), here)),
        (vqa, scene.unmistakable(free(random, kind, scene.tongue), vqa)),
    ]
    random.shuffle(parts)
    ids = scene.attach([kind, *(scene.distractors([kind], 1) if random.random() < 0.2 else [])])
    alone = len(scene.kinds) == 1
    scene.say(_joined(scene, [text for _, text in parts]))
    return _read(*(Wish(w, () if alone or w == here else tuple(ids[kind])) for w, _ in parts))


def _joined(scene: Scene, texts: list[str]) -> str:
    style = scene.random.random()
    if style < 0.12:
        return " ".join(f"{number}) {text}" for number, text in enumerate(texts, 1))
    if style < 0.2:
        return "\n".join(f"- {text}" for text in texts)
    if style < 0.35:
        return " ".join(
            text if text[-1] in ".?!？。" else f"{text}{_stop(scene)}" for text in texts
        )
    joint = phrase(scene.random, scene.tongue, "and")
    joint = joint if joint.startswith((",", ".", ";", "，", "；", "。")) else f" {joint}"
    return f"{joint} ".join(texts)


def _stop(scene: Scene) -> str:
    return scene.random.choice("？。" if scene.tongue == "zh" else "?.;")


def beside(scene: Scene) -> Reading:
    """A request, and a word on a file that is not to be read."""
    random, tool = scene.random, scene.own_tool()
    here = scene.here(tool)
    other = scene.own_tool(tool)
    kind, left = random.choice(OWN_FILES[tool]), random.choice(OWN_FILES[other])
    scene.attach([kind, left] if random.random() < 0.7 else [kind, kind, left])
    text = scene.unmistakable(own(random, tool, scene.tongue), here)
    thing = object_of(random, other, scene.tongue)
    parts = [text, phrase(random, scene.tongue, "beside", o=thing)]
    if random.random() < 0.4:
        parts.reverse()
    scene.say(random.choice((". ", ", ", "; ", " - ")).join(parts))
    return _read(Wish(here, tuple(
        one.id for one, k in zip(scene.attachments, scene.kinds, strict=True) if k == kind
    )))  # fmt: skip


def only(scene: Scene) -> Reading:
    """One of several files, named by what it is."""
    random, tool = scene.random, scene.own_tool()
    kind = random.choice(OWN_FILES[tool])
    kinds = [kind, *scene.distractors([kind])]
    if len(kinds) == 1:
        other = scene.own_tool(tool)
        kinds.append(random.choice(OWN_FILES[other]))
    if random.random() < 0.15 and tool == "report_chest_xray":
        kinds, view = ["chest film", "lateral film"], random.random()
        ids = scene.attach(kinds)
        text = random.choice(("only the frontal view", "just the frontal, {t}?",
                              "frontal only",
                              "the PA film only", "solo la frontal"))  # fmt: skip
        if view < 0.4:
            scene.say(random.choice(("what does the lateral show", "only the lateral view",
                                     "the lateral one please", "just the lateral")))  # fmt: skip
            return _read(Wish(None, tuple(ids["lateral film"])))
        scene.say(text.format(t="pneumonia"))
        return _read(Wish(scene.here(tool)))
    ids = scene.attach(kinds)
    thing = object_of(random, tool, scene.tongue)
    text = phrase(random, scene.tongue, "only", o=thing)
    if random.random() < 0.3:
        text = f"{text}, {own(random, tool, scene.tongue)}"
    scene.say(text)
    return _read(Wish(scene.here(tool)))


def all_but(scene: Scene) -> Reading:
    """All files but one kind."""
    random, tool = scene.random, scene.own_tool()
    others = [name for name in OWN_FILES if name != tool and name in scene.catalogue.own]
    if len(others) < 2:
        raise Unfit
    chosen = random.sample(others, random.choice((1, 1, 2)))
    kinds = [random.choice(OWN_FILES[name]) for name in (tool, *chosen)]
    left_out = kinds[0]
    scene.attach(kinds)
    rest = [one.id for one, kind in zip(scene.attachments, scene.kinds, strict=True)
            if kind != left_out]  # fmt: skip
    text = phrase(random, scene.tongue, "except", o=object_of(random, tool, scene.tongue))
    if random.random() < 0.3:
        name = chosen[0]
        text = f"{text}, {own(random, name, scene.tongue)}"
        scene.say(text)
        return _read(Wish(scene.here(name)))
    scene.say(text)
    return _read(Wish(None, tuple(rest)))


def by_id(scene: Scene) -> Reading:
    """Files by their ids or places."""
    random = scene.random
    pool = [kind for kinds in OWN_FILES.values() for kind in kinds] + ["brain mr", "limb film"]
    kinds = random.choices(pool, k=random.choice((2, 2, 3, 3, 4, 5)))
    if random.random() < 0.4:
        kinds = [kinds[0]] * len(kinds)
    scene.attach(kinds)
    names = [one.id for one in scene.attachments]
    style = random.random()
    if style < 0.45:
        chosen = [random.choice(names)]
        text = phrase(random, scene.tongue, "id", a=file_id(chosen[0], random))
    elif style < 0.6 and len(names) > 2:
        chosen = sorted(random.sample(names, 2))
        both = random.choice((" and ", ", ", " & ", " + ")).join(chosen)
        text = phrase(random, scene.tongue, "id", a=both)
    elif style < 0.7 and len(names) > 2:
        chosen = [names[0], names[-1]]
        text = random.choice(("the first and the last", "first and last only", "first and last one",
                              "el primero y el último", "erstes und letztes"))  # fmt: skip
    else:
        place, at = random.choice((("first", 0), ("second", 1), ("last", -1)))
        chosen = [names[at]]
        text = phrase(random, scene.tongue, place)
    if style >= 0.7 and len(set(kinds)) == 1 and random.random() < 0.5 and scene.tongue == "en":
        owner = next((name for name, own_kinds in OWN_FILES.items() if kinds[0] in own_kinds), None)
        if owner is not None:
            text = text.replace(" one", f" {object_of(random, owner, 'en')}")
    kind = scene.kinds[names.index(chosen[0])]
    tool = next((name for name, kinds in OWN_FILES.items() if kind in kinds), None)
    picked = {scene.kinds[names.index(one)] for one in chosen}
    if tool in scene.catalogue.own and picked <= set(OWN_FILES[tool]) and random.random() < 0.4:
        scene.say(f"{own(random, tool, scene.tongue)} {text}")
        return _read(Wish(scene.here(tool), tuple(chosen)))
    scene.say(text)
    return _read(Wish(None, tuple(chosen)))


def every(scene: Scene) -> Reading:
    """All files."""
    pool = [*[kind for kinds in OWN_FILES.values() for kind in kinds], "brain mr", "limb film"]
    scene.attach(scene.random.choices(pool, k=scene.random.choice((2, 2, 3, 4, 5, 6))))
    scene.say(phrase(scene.random, scene.tongue, "every"))
    return _read(Wish())
