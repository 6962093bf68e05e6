"""The vocabulary of body parts, and the ways in which headers name them.

A header has a code (Body Part Examined, PS3.16 Annex L), a coded region (SNOMED) or text that
somebody typed in one of many languages. All are mapped to the words here, and nothing else of
a header's text goes any further.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["BODY_PARTS", "combine", "disjoint", "from_code", "from_snomed", "in_text"]

# Body part: (where it lies, DICOM codes, SNOMED codes, words in headers' text).
# Words are whole words without accents; a trailing * lets a word go on.
_TABLE: dict[str, tuple[str, str, str, str]] = {
    "chest": (
        "chest",
        "CHEST THORAX LUNG LUNGS MEDIASTINUM BRONCHUS",
        "T-D3000 51185008 T-28000 39607008 T-D3300 72410000 816094009",
        "chest|thorax|thoracic cage|thoraco abdom*|torax|torace|toracic*|toraks|lung|lungs|lunge*"
        "|poumon|poumons|pulmonary|pulmon*|polmon*|brustkorb|borstkas|brystkasse|cxr"
        "|klatka piersiowa"
        "|грудная клетка|грудной клетки|легкие|легких|胸部|胸|폐|흉부|θωρακας|thx",
    ),
    "ribs": (
        "chest",
        "RIB RIBS",
        "T-11300 113197003",
        "rib|ribs|rippe|rippen|costilla*|cotes|coste",
    ),
    "sternum": ("chest", "SSTERNUM STERNUM", "T-11210 56873002", "sternum|esternon|sterno"),
    "heart": (
        "chest",
        "HEART CORONARY CARDIAC",
        "T-32000 80891009",
        "heart|cardiac|coeur|herz|corazon|cuore|coronary|coronaries|koronar*|cardio*|serce",
    ),
    "breast": (
        "chest",
        "BREAST",
        "T-04000 76752008",
        "breast|breasts|mammo*|mamma*|seins|brustdruse|borst",
    ),
    "abdomen": (
        "abdomen",
        "ABDOMEN STOMACH BOWEL SPLEEN GALLBLADDER",
        "T-D4000 113345001 818981001 818983003 T-62002",
        "abdomen|abdominal|abdo|abd|abdom*|bauch|oberbauch|buik|addome|vientre|ventre|kub"
        "|jama brzuszna|живот|брюшн*|брюшной полости|腹部|복부|stomach|bowel",
    ),
    "liver": (
        "abdomen",
        "LIVER",
        "T-62000 10200004",
        "liver|leber|foie|higado|fegato|hepat*",
    ),
    "kidney": (
        "abdomen",
        "KIDNEY",
        "T-71000 64033007",
        "kidney|kidneys|renal|niere|nieren|reins|rinon*|nier",
    ),
    "pancreas": (
        "abdomen",
        "PANCREAS",
        "T-65000 15776009",
        "pancreas|pancreat*|pankreas|pancreatic",
    ),
    "colon": ("abdomen", "COLON", "T-59300 71854001", "colon|kolon|colono*"),
    "pelvis": (
        "pelvis",
        "PELVIS BLADDER PROSTATE UTERUS RECTUM",
        "T-D6000 12921003 816092008",
        "pelvis|pelvic|becken|bassin|bacino|pelvi|bekken|миска|таз|таза|骨盤|골반|prostat*|bladder|uterus",
    ),
    "head": (
        "head",
        "HEAD SKULL",
        "T-D1100 69536005 T-11100 89546000",
        "head|skull|schadel|kopf|crane|tete|cabeza|craneo|testa|cranio|cranial|schedel|hoofd|czaszka"
        "|голова|головы|череп*|頭部|두부|neurocranium",
    ),
    "brain": (
        "head",
        "BRAIN",
        "T-A0100 12738006",
        "brain|cerebral|cerebro|cerveau|gehirn|hirn|encefalo|cervello|hersenen|mozg|cerebrum|脳|뇌",
    ),
    "face": (
        "head",
        "FACE FACIAL MAXILLA ORBIT NOSE TMJ ZYGOMA PAROTID",
        "T-D1200 89545001",
        "face|facial|orbit|orbits|orbita|zygoma|nasal|nose|gesicht*|maxillo*",
    ),
    "eye": (
        "head",
        "EYE RETINA",
        "T-AA000 81745001 T-AA610 5665001",
        "eye|eyes|retina|retinal|fundus|auge|oeil|ojo|occhio|macula|optic disc",
    ),
    "sinuses": (
        "head",
        "SINUS PARANASALSINUS PARANASAL",
        "T-22000 2095001 T-61100",
        "sinus|sinuses|nnh|paranasal|nebenhohlen|sinusal",
    ),
    "jaw": (
        "head",
        "JAW MANDIBLE TEETH TOOTH",
        "T-11180 91609006 T-54010 38199008",
        "jaw|mandible|mandibul*|teeth|tooth|dental|kiefer|zahn*|dent|dents|diente*|opg|panorex",
    ),
    "neck": (
        "neck",
        "NECK THYROID LARYNX CAROTID",
        "T-D1600 45048000 T-B6000 69748006",
        "neck|hals|cou|cuello|collo|thyroid|schilddruse|tiroid*|thyroide|larynx|nek|шея|шеи",
    ),
    "cervical spine": (
        "neck spine",
        "CSPINE CERVSPINE CSP",
        "T-11501 122494005 T-11502",
        "cspine|c spine|cervical spine|hws|rachis cervical|columna cervical|cervical|halswirbel*",
    ),
    "thoracic spine": (
        "chest spine",
        "TSPINE THORACICSPINE TSP DSPINE",
        "T-11503 122495006 T-D0146",
        "tspine|t spine|thoracic spine|dorsal spine|bws|rachis dorsal|columna dorsal|brustwirbel*",
    ),
    "lumbar spine": (
        "abdomen pelvis spine",
        "LSPINE LUMBARSPINE LSP LSSPINE LUMBOSACRALSPINE",
        "T-11504 122496007 T-D0147",
        "lspine|l spine|lumbar|lumbar spine|lws|rachis lombaire"
        "|columna lumbar|lumbosacral|lendenwirbel*",
    ),
    "spine": (
        "neck chest abdomen pelvis spine",
        "SPINE WHOLESPINE",
        "T-11500 421060004",
        "spine|spinal|wirbelsaule|rachis|columna|colonna vertebrale|wervelkolom|scoliosis|skoliose",
    ),
    "sacrum": (
        "pelvis spine",
        "SACRUM COCCYX SIJOINT",
        "T-11AD0 54735007 T-11BF0 64688005",
        "sacrum|coccyx|sacroiliac|steissbein|si joint|si joints|isg",
    ),
    "shoulder": (
        "arm chest",
        "SHOULDER CLAVICLE SCAPULA ACJOINT",
        "T-D2220 16982005 T-12310 51299004 T-12280 79601000",
        "shoulder|shoulders|schulter|epaule|hombro|spalla|clavicle|clavicul*|scapula|schouder|плечо|肩",
    ),
    "upper arm": (
        "arm",
        "HUMERUS UPPERARM",
        "T-12410 85050009 T-D8200 40983000",
        "humerus|upper arm|oberarm|humero|omero",
    ),
    "elbow": (
        "arm",
        "ELBOW",
        "T-D8300 127949000 76248009",
        "elbow|ellbogen|coude|codo|gomito|elleboog",
    ),
    "forearm": (
        "arm",
        "FOREARM RADIUS ULNA",
        "T-D8500 14975008 T-12420 62413002 T-12430 23416004",
        "forearm|unterarm|radius|ulna|avant bras|antebrazo|avambraccio",
    ),
    "wrist": (
        "arm",
        "WRIST SCAPHOID",
        "T-D8600 8205005",
        "wrist|handgelenk|poignet|muneca|polso|pols",
    ),
    "hand": (
        "arm",
        "HAND",
        "T-D8700 85562004",
        "hand|hands|hande|main gauche|main droite|mains|mano|manos|mani|кисть|кисти|手",
    ),
    "finger": (
        "arm",
        "FINGER THUMB",
        "T-D8800 7569003 T-D8810 76505004",
        "finger|fingers|thumb|daumen|doigt|pouce|dedo|pulgar|dito",
    ),
    "hip": (
        "leg pelvis",
        "HIP",
        "T-D2500 29836001",
        "hip|hips|hufte|huft*|hanche|cadera|anca|heup",
    ),
    "thigh": (
        "leg",
        "THIGH FEMUR",
        "T-D9100 68367000 T-12710 71341001",
        "thigh|femur|oberschenkel|cuisse|femoral|muslo|coscia",
    ),
    "knee": (
        "leg",
        "KNEE PATELLA",
        "T-D9200 72696002 T-12730 64234005",
        "knee|knees|knie|genou|genoux|rodilla|ginocchio|patella|колено|колени|膝",
    ),
    "lower leg": (
        "leg",
        "TIBIA FIBULA TIBFIB LOWERLEG CALF",
        "T-12740 12611008 T-12750 87342007 T-D9400 30021000",
        "tibia|fibula|lower leg|tib fib|unterschenkel|jambe|shin|tibia fibula|pierna|calf",
    ),
    "ankle": (
        "leg",
        "ANKLE",
        "T-D9500 70258002 T-15750",
        "ankle|ankles|sprunggelenk|osg|cheville|tobillo|caviglia|enkel",
    ),
    "foot": (
        "leg",
        "FOOT CALCANEUS HEEL",
        "T-D9700 56459004 T-12770 80144004",
        "foot|feet|fuss|pied|pieds|piede|piedi|pie derecho|pie izquierdo|heel|calcaneus|voet"
        "|стопа|стопы|足",
    ),
    "toe": ("leg", "TOE", "T-D9800 29707007", "toe|toes|zehe|orteil|orteils|hallux"),
    "extremity": (
        "arm leg",
        "EXTREMITY",
        "T-D0300 66019005",
        "extremity|extremities|extremit*|limb",
    ),
    "upper extremity": (
        "arm",
        "ARM UPPERLIMB UPPEREXTREMITY",
        "T-D8000 53120007",
        "upper extremity|upper limb",
    ),
    "lower extremity": (
        "leg",
        "LEG LOWERLIMB LOWEREXTREMITY",
        "T-D9000 61685007",
        "leg|legs|lower extremity|lower limb",
    ),
    "skin": ("", "SKIN", "T-01000 39937001", "skin|dermo*|dermatoscop*|peau|piel|pelle"),
    "whole body": ("", "WHOLEBODY", "T-D0010 38266002", "whole body|ganzkorper|corps entier|wb"),
    "chest and abdomen": ("chest abdomen", "CHESTABDOMEN", "R-FAB55 416550000 416949008", ""),
    "abdomen and pelvis": ("abdomen pelvis", "ABDOMENPELVIS", "R-FAB57 416949008 818982008", ""),
    "chest, abdomen and pelvis": (
        "chest abdomen pelvis",
        "CHESTABDPELVIS CHESTABDOMENPELVIS",
        "R-FAB56 416775004",
        "tap|cap|trunk|torso",
    ),
    "head and neck": ("head neck", "HEADNECK", "T-D1000 774007", ""),
    "neck and chest": ("neck chest", "NECKCHEST", "R-FAB52 417437006", ""),
    "neck, chest and abdomen": ("neck chest abdomen", "NECKCHESTABDOMEN", "R-FAB53 416152001", ""),
    "neck, chest, abdomen and pelvis": (
        "neck chest abdomen pelvis",
        "NECKCHESTABDPELV",
        "R-FAB54 416319003",
        "",
    ),
}

BODY_PARTS: tuple[str, ...] = tuple(_TABLE)
"""Every word that a manifest's `body_part` can be."""

_WHERE = {part: frozenset(row[0].split()) for part, row in _TABLE.items()}
_CODES = {code: part for part, row in _TABLE.items() for code in row[1].split()}
_SNOMED = {code: part for part, row in reversed(_TABLE.items()) for code in row[2].split()}
_REGIONS = {part: _WHERE[part] for part in ("chest", "abdomen", "pelvis", "head", "neck")}
_VAGUE = frozenset({"extremity", "upper extremity", "lower extremity", "spine", "whole body"})
_COMBINED = {
    **{where: part for part, where in _WHERE.items() if " and " in part},
    **{where: part for part, where in _REGIONS.items()},
    frozenset({"arm"}): "upper extremity",
    frozenset({"leg"}): "lower extremity",
}
_SPECIFIC_FIRST = ("cervical spine", "thoracic spine", "lumbar spine")


def _pattern(words: str) -> re.Pattern[str]:
    """Match any of the words, longest first; scripts without spaces have no word borders."""
    alternatives = [
        re.escape(_plain(word.rstrip("*"))) + (r"\w*" if word.endswith("*") else "")
        for word in sorted(words.split("|"), key=len, reverse=True)
    ]
    spaced = [word for word in alternatives if not _is_ideographic(word)]
    others = [word for word in alternatives if _is_ideographic(word)]
    return re.compile("|".join([rf"\b(?:{'|'.join(spaced)})\b", *others]))


def _is_ideographic(word: str) -> bool:
    return any(ord(letter) >= 0x2E80 for letter in word)


def _plain(text: str) -> str:
    """Lower case without accents, and words parted by single spaces."""
    letters = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("Ł", "L"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", bare)).casefold()


_WORDS = {part: _pattern(row[3]) for part, row in _TABLE.items() if row[3]}


def from_code(code: str) -> str | None:
    """The body part of a Body Part Examined (0018,0015) value; None where it names none."""
    return _CODES.get(re.sub(r"[\W_]+", "", code).upper())


def from_snomed(code: str) -> str | None:
    """The body part of a SNOMED code, in the older (T-D3000) or newer (51185008) form."""
    return _SNOMED.get(code.strip().upper())


def in_text(text: str) -> frozenset[str]:
    """All body parts that a text names, in any of several languages."""
    plain = _plain(text)
    found = set()
    for part in (*_SPECIFIC_FIRST, *(part for part in _WORDS if part not in _SPECIFIC_FIRST)):
        # What a longer name took is gone: a 'thoracic spine' is no 'spine' and no 'thorax'.
        shorter, count = _WORDS[part].subn(" ", plain)
        if count:
            found.add(part)
            if part in _SPECIFIC_FIRST:
                plain = shorter
    return frozenset(found)


def disjoint(first: Iterable[str], second: Iterable[str]) -> bool:
    """Whether two sets of body parts have no place in common. Skin is everywhere."""
    here, there = _places(first), _places(second)
    return bool(here) and bool(there) and not here & there


def combine(parts: Iterable[str]) -> str | None:
    """One word for several body parts, the wider one where they lie in each other.

    Returns:
        None where there is none, or where no single word covers them.
    """
    given = set(parts)
    named = given - _VAGUE or given
    regions = frozenset().union(*(_WHERE[part] for part in named & _REGIONS.keys()))
    named = {part for part in named if part in _REGIONS or not _WHERE[part] <= regions}
    if len(named) == 1:
        return named.pop()
    together = frozenset().union(*(_WHERE[part] for part in named))
    return _COMBINED.get(together)


def _places(parts: Iterable[str]) -> frozenset[str]:
    where = [_WHERE[part] for part in parts]
    return frozenset().union(*where) if all(where) else frozenset()
