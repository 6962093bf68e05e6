"""What words ask for, as far as patterns can tell: greetings, kinds of study, comparisons, orders.

Patterns are matched against `plain` text. The rule planner decides by them; the shipped Gemma is
told what they found and may know better.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = [
    "ABOUT",
    "ADDRESSED",
    "ADVICE",
    "AGAIN",
    "COMPARE",
    "DEFINITION",
    "EARLIER",
    "GENOTYPES",
    "GREETING",
    "IDENTITY",
    "MEANING",
    "MODALITIES",
    "NOT",
    "ONLY",
    "OTHER",
    "OUT_OF_SCOPE",
    "deictic",
    "excluded",
    "has",
    "modalities",
    "plain",
    "without_orders",
]

_HAN = r"[\u4e00-\u9fff]"
GREETING = (
    r"^(hi|hello|hey|hola|bonjour|hallo|guten tag|ol[aá]|bom dia|thanks?|thank you|gracias|merci|"
    r"danke|obrigad[oa])\b|^(你好|您好|谢谢)"
)
ABOUT = (
    r"\b(what|which) (can|could) you\b|\bwho are you\b|\bwhat are you\b|\bhow do you work\b"
    r"|\b(which|what) (tools|specialists|models|modalities|files|formats)\b|\byour (tools|limits)\b"
    r"|\bwie funktionierst du\b"
    r"|\bqu[eé] puedes\b|\bque peux-tu\b|\bwas kannst du\b|\bo que voc[eê]\b|你能做什么|可以做什么"
)
DEFINITION = r"^(what (is|are|does)|define|explain|qu[eé] es|qu'est-ce|was ist|o que [eé]|什么是)\b"
MEANING = (
    r"\bwhat (do|does)\b.{1,40}\bmean\b|^define\b|\bwas bedeutet\b|\bqu[eé] significa\b"
    r"|\bque (veut dire|signifie)\b|\bo que significa\b|什么意思|^什么是"
    r"|^(what is an?|qu[eé] es una?|c'est quoi une?|qu'est-ce qu'une?|was ist eine?)\b"
    r"|^o que [eé] uma?\b"
)
"""Questions about a word, also where files are attached."""
ADDRESSED = (
    r"\b(you|yours?|tu|t[uú]|usted|ustedes|vous|votre|du|sie|dein\w*|ihr\w*|voc[eê]s?)\b|你|您"
)
"""Speaks to the system."""
AGAIN = (
    r"\b(why|sure|certain|evidence|again|unit|warum|sicher|beleg\w*|por qu[eé]|segur[oa]|"
    r"evid[eê]ncias?|pourquoi|s[uû]re?|preuves?|certeza)\b|为什么|确定|依据"
)
"""Questions about what was said: nothing new is asked of a model."""
OUT_OF_SCOPE = (
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
ADVICE = (
    r"\b(should|shall|can|could|may|must|recommend\w*|suggest\w*|advise\w*|prescri\w+|treat\w*|give|"
    r"start|stop|increase|reduce|best|better|suitable|safe|debe|deber[ií]a|doit|faut|soll\w*|"
    r"empf\w+|deve|deveria|recet\w+)\b|应该|可以|怎么"
)
"""Beside a record: what asks for advice, and not for what is written there."""
IDENTITY = (
    r"\b(patient'?s?|their|his|her) (name|identity|birth ?date|date of birth|address|id)\b"
    r"|\bwho is (this|the) (patient|person)\b|\bnombre del paciente\b|\bnom du patient\b"
    r"|\bname des patienten\b|\bnome do paciente\b|(患者|病人)的?姓名"
)
NOT = (
    r"\b(not|except|ignore|ignoring|without|excluding|but not|no|sin|sauf|sans|ohne|au[sß]er|nicht|"
    r"exceto|sem)( for)?( the| el| la| le| das| den| die| o| a)? ?"
)
ORDER = (
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(instructions?|rules?|prompts?|guidelines)\b"
    r"|^\W*(system|sistema|syst[eè]me|developer|administrator)( message)? ?:"
    r"|\bas (root|admin\w*|developer)\b|\b(every|all) tools? on (every|all)"
    r"|\b(ignora|olvida|oublie|ignore|vergiss|ignoriere|esque[cç]a)\b.{0,30}\b(reglas|instrucciones|"
    r"consignes|r[eè]gles|regeln|anweisungen|regras|instru[cç][oõ]es)\b"
)
"""Instructions to the planner: what carries them is left out, the rest is a question."""
ONLY = (
    r"\b(only|just|solely|exclusively|nothing but|s[oó]lo|solamente|[uú]nicamente|exclusivamente|"
    r"nada m[aá]s|seulement|uniquement|juste|rien que|exclusivement|nur|lediglich|"
    r"ausschlie(ß|ss)lich|blo(ß|ss)|apenas|somente|s[oó]|unicamente)\b|(?<![两二三一几])只|仅|单独"
)
COMPARE = (
    r"\b(compar\w*|prior|previous|earlier|interval|change[sd]?|since|worse\w*|better|progress\w*|"
    r"anterior|previ[ao]s?|pr[eé]c[eé]dent\w*|vorher\w*|vergleich\w*|voraufnahmen?|vorbefund\w*|"
    r"cleared|resolved|resolving|improv\w*|regress\w*|r[eé]gress\w*|diminu\w*|aument(?:ou|ó|aron|aram)|augment[eé]e?s?|"
    r"empeor\w*|mejor\w*|melhor\w*|pior\w*|aggrav\w*|am[eé]lior\w*|mieux|besser|schlechter|"
    r"gebessert|verbessert|verschlechtert|r[uü]ckl[aä]ufig|zugenommen|abgenommen|ver[aä]nder\w*|"
    r"evoluci[oó]n|[eé]volution|evolu[cç][aã]o|cambi\w*|mudou|mudan[cç]a|chang[eé]s?|"
    r"[eé]volu[eé]\w*|verlauf\w*|trend|new since|bigger than|smaller than)\b"
    r"|对比|比较|变化|好转|进展|吸收|相比|前片|加重"
)
EARLIER = (
    r"\b(old(er)?|earlier|previous|prior|baseline|admission|yesterday'?s?|last (week|"
    r"month|year)('?s)?"
    r"|initial|anterior|previ[ao]|vieja|antigua|ancien\w*|pr[eé]c[eé]dent\w*|alte[nrs]?|"
    r"vorher\w*|"
    r"antig[oa]|pr[eé]vi[oa])\b|旧|之前|上次|以前"
)
"""Calls a film the earlier one."""
OTHER = r"\b(other|otr[oa]|autre|ander[enrs]{1,2}|outr[oa])\b|另外?一"
"""Turns to what was not spoken of before."""
MODALITIES: dict[str, tuple[str, ...]] = {
    r"\b(x[- ]?rays?|xr|cxr|radiographs?|films?|radiograf[ií]as?|radiographies?|r[oö]ntgen\w*|rx|"
    r"raio-?x)\b|胸片|x ?光": ("CR", "DX"),
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
GENOTYPES = r"\b(vcf|genom\w*|genotyp\w*|exome|dna)\b|基因"


def without_orders(text: str) -> str:
    """The text less the sentences that give the planner orders."""
    sentences = re.split(r"(?<=[.!?])\s+|(?<=[。！？])|\n", text)
    return " ".join(one for one in sentences if not re.search(ORDER, one)).strip()


def modalities(text: str) -> set[str]:
    """DICOM codes of the kinds of study that the text names."""
    return {code for words, codes in MODALITIES.items() if re.search(words, text) for code in codes}


def excluded(text: str) -> set[str]:
    """Kinds of study that the question leaves out: 'not the CT'."""
    named = [codes for words, codes in MODALITIES.items() if re.search(NOT + f"(?:{words})", text)]
    return {code for codes in named for code in codes}


def deictic(text: str) -> bool:
    """Whether the text points at something that is there."""
    return bool(re.search(r"\b(this|these|here|the (image|film|scan|file))\b", text))


def has(text: str, word: str) -> bool:
    """Whether the text has the word or phrase, as whole words where the script has such."""
    sought = plain(word)
    if not sought.isascii() and not re.search(r"[a-z]", sought):
        return sought in text
    return re.search(rf"(?<!\w){re.escape(sought)}(?!\w)", text) is not None


def plain(text: str) -> str:
    """Lower case in composed form, with Latin words set apart from Chinese ones."""
    lower = unicodedata.normalize("NFC", text).lower().strip()
    return re.sub(rf"(?<={_HAN})(?=[a-z0-9])|(?<=[a-z0-9])(?={_HAN})", " ", lower)
