"""A planner in plain code, for where no Gemma is at hand. It calls itself that in every answer.

It reads the words of the question and the kinds of the files, and no more: a question that needs
understanding is answered with a question back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from agent.answer import Attachment, Call, Plan
from agent.gemma import PlanRequest
from agent.toolbox import ToolInfo
from specialists.acceptance import assign_roles, refusal

__all__ = ["RulePlanner"]

_GREETING = (
    r"^(hi|hello|hey|hola|bonjour|hallo|guten tag|ol[aá]|bom dia|你好|您好|thanks?|thank you)\b"
)
_ABOUT = (
    r"\b(what|which) (can|could) you\b|\bwho are you\b|\bwhat are you\b|\bhow do you work\b"
    r"|\b(which|what) (tools|specialists|models|modalities|files|formats)\b|\byour (tools|limits)\b"
    r"|\bwie funktionierst du\b"
    r"|\bqu[eé] puedes\b|\bque peux-tu\b|\bwas kannst du\b|\bo que voc[eê]\b|你能做什么|可以做什么"
)
_DEFINITION = (
    r"^(what (is|are|does)|define|explain|qu[eé] es|qu'est-ce|was ist|o que [eé]|什么是)\b"
)
_OUT_OF_SCOPE = (
    r"\bprescri(be|bing|ptions?|re|bir)\b|\btreatment (plan|recommendation|options?)\b|^treat\b"
    r"|\b(what|which|how much|how many)\b.{0,40}\b(dose|dosage|drugs?|antibiotics?|medications?|"
    r"treatment|therapy|chemo\w*)\b"
    r"|\b(should|shall|can|must) (i|we|he|she|they|the patient)\b.{0,30}\b(give|start|stop|take|"
    r"treat|operate|discharge)\b"
    r"|\bhow (do|should|would|to|can)\b.{0,20}\btreat\b"
    r"|\brecommend\w*\b.{0,30}\b(treatment|therapy|drug|dose|management)\b"
    r"|\b(qu[eé]|cu[aá]l)\b.{0,30}\b(tratamiento|antibi[oó]tico|medicamento|f[aá]rmaco|dosis)\b"
    r"|\bquel(le)?s?\b.{0,30}\b(traitement|antibiotique|m[eé]dicament|dose)s?\b"
    r"|\bwelche\w?\b.{0,30}\b(medikamente?|antibiotik\w+|dosis|therapie|behandlung)\b"
    r"|\b(qual|que)\b.{0,30}\b(tratamento|antibi[oó]tico|medicamento|dose)\b|什么药|用药|剂量|怎么治"
    r"|\b(weather|poem|joke|recipe|stock price|invoice|email|password|world cup|appointment)\b|天气"
    r"|\b(admitted|discharged|curable|fly home|prognosis|se trata|behandle ich)\b|治疗"
    r"|system prompt"
)
_IDENTITY = (
    r"\b(patient'?s?|their|his|her) (name|identity|birth ?date|date of birth|address|id)\b"
    r"|\bwho is (this|the) (patient|person)\b|\bnombre del paciente\b|\bnom du patient\b"
    r"|\bname des patienten\b|\bnome do paciente\b|(患者|病人)的?姓名"
)
_NOT = (
    r"\b(not|except|ignore|ignoring|without|excluding|but not|no|sin|sauf|sans|ohne|au[sß]er|nicht|"
    r"exceto|sem)( for)?( the| el| la| le| das| den| die| o| a)? ?"
)
_ORDER = (
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(instructions?|rules?|prompts?|guidelines)\b"
)
"""Instructions to the planner: what carries them is left out, the rest is a question."""
_ONLY = r"\b(only|just|solely|s[oó]lo|solamente|seulement|uniquement|nur|apenas|somente)\b|只|仅"
_COMPARE = (
    r"\b(compar\w*|prior|previous|earlier|interval|change[sd]?|since|worse\w*|better|progress\w*|"
    r"anterior|previa|pr[eé]c[eé]dent\w*|vorher\w*|vergleich\w*|compara\w*)\b|对比|比较"
)
_MODALITIES: dict[str, tuple[str, ...]] = {
    r"\b(x-?rays?|xr|cxr|radiographs?|films?|radiograf[ií]as?|radiographies?|r[oö]ntgen\w*|rx|raio-?x)\b"
    r"|胸片|X光|x光": ("CR", "DX"),
    r"\b(ct|cts|cat scan|computed tomography|tac|tc|scanner|tomograf[ií]a|tomodensitom[eé]trie|"
    r"computertomogra\w+)\b|计算机断层": ("CT",),
    r"\b(mri?|mrt|irm|resonancia|resson[aâ]ncia|magnetic resonance)\b|磁共振|核磁": ("MR",),
    r"\b(slides?|histolog\w+|histopatholog\w+|biops\w+|h&e)\b|切片|病理": ("SM",),
    r"\b(fundus|retinal photo\w*|fondo de ojo|fond d'?[oœ]e?il|augenhintergrund)\b|眼底": (
        "OP",
        "OPT",
    ),
    r"\b(dermoscop\w+|dermatoscop\w+)\b|皮肤镜": ("XC", "DMS"),
}
_GENOTYPES = r"\b(vcf|genom\w*|genotyp\w*|exome|dna)\b|基因"


class RulePlanner:
    """Plans from words and file kinds."""

    name = "rules (plain code, no language model)"

    async def plan(self, request: PlanRequest) -> Plan:
        """Write a plan; never fails."""
        text = _without_orders(_plain(request.question))
        return _without_files(text, request) or _with_files(text, request)


def _without_files(text: str, request: PlanRequest) -> Plan | None:
    """Answer or refuse what needs no file, or None."""
    tools = request.catalogue.values()
    if not text or re.search(_OUT_OF_SCOPE, text):
        return _say("refuse", _SCOPE)
    if re.search(_IDENTITY, text):
        return _say("refuse", _NO_IDENTITY)
    greeted = re.search(_GREETING, text) and not request.attachments and not _named(text, tools)
    if re.search(_ABOUT, text) or greeted:
        return _say("answer", _about(tools))
    if re.search(_DEFINITION, text) and not request.attachments and not _deictic(text):
        named = _named(text, request.catalogue.values())
        if named:
            return _say("answer", " ".join(f"{i.title}: {i.description}" for i in named))
    return None


def _without_orders(text: str) -> str:
    sentences = re.split(r"(?<=[.!?])\s+|(?<=[。！？])|\n", text)
    return " ".join(one for one in sentences if not re.search(_ORDER, one)).strip()


def _with_files(text: str, request: PlanRequest) -> Plan:
    absent = set(re.findall(r"\ba\d+\b", text)) - {one.id.lower() for one in request.attachments}
    if absent and request.attachments:
        return _say("clarify", f"There is no attachment {', '.join(sorted(absent)).upper()}.")
    excluded = _excluded(text)
    text = re.sub("|".join(f"{_NOT}(?:{words})" for words in _MODALITIES), " ", text)
    named = _restricted(text, request.attachments)
    kept = [one for one in named if one.manifest and one.manifest.modality not in excluded]
    files = kept or named
    wanted = _named(text, request.catalogue.values())
    if not files:
        return _say("clarify", _needs(wanted))
    wrong = _wrong_modality(text, files)
    if wrong is not None:
        return _say("clarify", _refusals(wanted, files) or wrong)
    calls = [call for info in wanted for call in _calls(info, files, text, request.question)]
    served = {name for call in calls for name in call.attachments}
    asked = _modalities(text)
    left = [
        one
        for one in files
        if not wanted
        or (one.id not in served and one.manifest and one.manifest.modality in asked and calls)
    ]
    calls += _by_kind(left, request.catalogue.values(), text, request.question)
    if not calls:
        told = _refusals(wanted, files) or _needs(wanted)
        return _say("clarify", f"{told} {_instead(files, request.catalogue.values())}".strip())
    return Plan(action="call", calls=tuple(calls), message=None)


def _named(text: str, tools: Iterable[ToolInfo]) -> list[ToolInfo]:
    """The tools whose words or findings the question has."""
    return [info for info in tools if any(_has(text, w) for w in (*info.keywords, *info.findings))]


def _by_kind(
    files: Sequence[Attachment], tools: Iterable[ToolInfo], text: str, question: str
) -> list[Call]:
    """The first tool that takes each file; one for free questions only where no other does."""
    shared: dict[str, list[Attachment]] = {}
    known = {info.name: info for info in sorted(tools, key=_asks)}
    for one in files:
        first = next((i for i in known.values() if _takes(i, one) and _main_role(i, one)), None)
        if first is not None:
            shared.setdefault(first.name, []).append(one)
    return [
        call for name, own in shared.items() for call in _calls(known[name], own, text, question)
    ]


def _calls(info: ToolInfo, files: Sequence[Attachment], text: str, question: str) -> list[Call]:
    """One call a main file, with the files that play the optional roles; or one call to compare."""
    fitting = [one for one in files if _takes(info, one)]
    main = [one for one in fitting if _main_role(info, one)]
    extra = [one.id for one in fitting if one not in main]
    arguments = _options(info, text)
    if _asks(info):
        arguments["question"] = question
    if len(main) == 2 and re.search(_COMPARE, text) and _fit_together(info, main):
        main_ids = [tuple(one.id for one in main)]
    else:
        main_ids = [(one.id,) for one in main]
    return [
        Call(tool=info.name, attachments=(*ids, *extra), arguments=arguments) for ids in main_ids
    ]


def _options(info: ToolInfo, text: str) -> dict[str, Any]:
    """Options that the question names with their value: 'sample 3', 'min overlap 0.5'.

    A PGS Catalog id is the one value that is known by its form.
    """
    found: dict[str, Any] = {}
    for name, field in info.options.get("properties", {}).items():
        kinds = {one.get("type") for one in field.get("anyOf", [field])}
        words = re.escape(name).replace("_", r"[ _-]?")
        number = re.search(rf"\b{words}(?: of| is|:| =|=)? ?(\d+(?:\.\d+)?)", text)
        if number and kinds & {"number", "integer"}:
            found[name] = float(number[1]) if "number" in kinds else int(float(number[1]))
    score = re.search(r"\bpgs\d{6}\b", text)
    if score and "score" in info.options.get("properties", {}):
        found["score"] = score[0].upper()
    return found


def _asks(info: ToolInfo) -> bool:
    """Whether the tool answers free questions."""
    return "question" in info.options.get("required", ())


def _takes(info: ToolInfo, one: Attachment) -> bool:
    if one.manifest is None:
        return False
    return any(refusal(accepts, one.manifest) is None for accepts in info.accepts or ())


def _main_role(info: ToolInfo, one: Attachment) -> bool:
    accepts = [a for a in info.accepts or () if a.required]
    return one.manifest is not None and any(refusal(a, one.manifest) is None for a in accepts)


def _fit_together(info: ToolInfo, files: Sequence[Attachment]) -> bool:
    manifests = [one.manifest for one in files if one.manifest is not None]
    return not assign_roles(info.accepts or (), manifests)[1]


def _restricted(text: str, files: Sequence[Attachment]) -> list[Attachment]:
    """The files that the question names, where it names some."""
    readable = [one for one in files if one.manifest is not None]
    named = [one for one in readable if re.search(rf"\b{one.id.lower()}\b", text)]
    if named:
        return named
    asked = _modalities(text)
    fitting = [one for one in readable if one.manifest and one.manifest.modality in asked]
    if fitting and re.search(_ONLY, text):
        return fitting
    return readable


def _modalities(text: str) -> set[str]:
    return {
        code for words, codes in _MODALITIES.items() if re.search(words, text) for code in codes
    }


def _excluded(text: str) -> set[str]:
    """Kinds of study that the question leaves out: 'not the CT'."""
    named = [
        codes for words, codes in _MODALITIES.items() if re.search(_NOT + f"(?:{words})", text)
    ]
    return {code for codes in named for code in codes}


def _wrong_modality(text: str, files: Sequence[Attachment]) -> str | None:
    """Say so if the question names a kind of study and none of the files is one."""
    asked = _modalities(text)
    kinds = {one.manifest.kind for one in files if one.manifest}
    if re.search(_GENOTYPES, text) and "variants" in kinds:
        return None
    there = {one.manifest.modality for one in files if one.manifest}
    if not asked or asked & there:
        return None
    kind = ", ".join(sorted(code or "unknown" for code in there))
    return f"The question is about {' or '.join(sorted(asked))}, but the files are: {kind}."


def _refusals(wanted: Sequence[ToolInfo], files: Sequence[Attachment]) -> str:
    """Why the tools that the question wants don't take the files that are there."""
    told = []
    for info in wanted:
        for one in files:
            if one.manifest is not None and info.accepts:
                reasons = assign_roles(info.accepts, [one.manifest])[1]
                told += [f"{info.title} can't read {one.id}: {reason}" for reason in reasons]
    return " ".join(dict.fromkeys(told))


def _instead(files: Sequence[Attachment], tools: Iterable[ToolInfo]) -> str:
    """Which tools with a model here do take the files, for the user to ask about."""
    ready = [info for info in tools if info.available and not _asks(info)]
    pairs = [(one, [i.title for i in ready if _takes(i, one)]) for one in files]
    return " ".join(f"{one.id} can be read by: {', '.join(n)}." for one, n in pairs if n)


def _needs(wanted: Sequence[ToolInfo]) -> str:
    needs = [f"{info.title} needs: {_wants(info)}." for info in wanted if info.accepts]
    return " ".join(needs) or "Which file should be looked at? Please attach it."


def _wants(info: ToolInfo) -> str:
    return "; ".join(accepts.description for accepts in info.accepts or () if accepts.required)


def _about(tools: Iterable[ToolInfo]) -> str:
    named = "; ".join(f"{i.title} ({i.name})" for i in tools if i.available)
    return (
        "I consult specialist models about files that you attach, and say only what they said, "
        f"with a reference on every statement. Installed here: {named}."
    )


_SCOPE = (
    "This is not what these tools are for: they read studies and genotypes, and give no "
    "treatment, prescription or other advice."
)


_NO_IDENTITY = "Who a file is of is not read, kept or told here."


def _say(action: str, message: str) -> Plan:
    return Plan.model_validate({"action": action, "calls": (), "message": message})


def _deictic(text: str) -> bool:
    return bool(re.search(r"\b(this|these|here|the (image|film|scan|file))\b", text))


def _has(text: str, word: str) -> bool:
    plain = _plain(word)
    if not plain.isascii() and not re.search(r"[a-z]", plain):
        return plain in text
    return re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", text) is not None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower().strip()
