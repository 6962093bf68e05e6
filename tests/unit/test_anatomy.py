import pytest

from specialists import anatomy


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("CT Thorax nativ", "chest"),
        ("Rx tórax PA y lateral", "chest"),
        ("Radiographie pulmonaire - poumons", "chest"),
        ("Röntgen Lunge", "chest"),
        ("CHEST_PA_ERECT", "chest"),
        ("рентген грудной клетки", "chest"),
        ("胸部正面", "chest"),
        ("Herz/Lunge Thorax p.a.", "chest"),
        ("Rachis lombaire", "lumbar spine"),
        ("Thoracic spine AP", "thoracic spine"),
        ("CT CHEST/ABDOMEN/PELVIS", "chest, abdomen and pelvis"),
        ("Abdomen-Pelvis", "abdomen and pelvis"),
        ("head neck", "head and neck"),
        ("Röntgen Schädel", "head"),
        ("distal tibia", "lower leg"),
        ("Knie rechts", "knee"),
        ("hand and finger", "upper extremity"),
        ("MAIN GAUCHE", "hand"),
        ("Main series", None),
        ("C-arm", None),
        ("portable", None),
        ("", None),
        ("thorax and ankle", None),
    ],
)
def test_text_gives_one_body_part(text, part):
    assert anatomy.combine(anatomy.in_text(text)) == part


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("CHEST", "chest"),
        ("THORAX", "chest"),
        ("Chest ", "chest"),
        ("C-SPINE", "cervical spine"),
        ("CHESTABDPELVIS", "chest, abdomen and pelvis"),
        ("LEG", "lower extremity"),
        ("PARTIALBODY", None),
        ("", None),
    ],
)
def test_code_gives_its_body_part(code, part):
    assert anatomy.from_code(code) == part


@pytest.mark.parametrize(
    ("code", "part"),
    [("T-D3000", "chest"), ("51185008", "chest"), ("T-D9500", "ankle"), ("0", None)],
)
def test_snomed_code_gives_its_body_part(code, part):
    assert anatomy.from_snomed(code) == part


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        ({"chest"}, {"ankle"}, True),
        ({"chest"}, {"abdomen"}, True),
        ({"extremity"}, {"lower leg"}, False),
        ({"pancreas"}, {"abdomen"}, False),
        ({"chest"}, {"thoracic spine"}, False),
        ({"chest"}, {"chest and abdomen"}, False),
        ({"skin"}, {"foot"}, False),
        ({"chest"}, set(), False),
    ],
)
def test_disjoint_parts_have_no_place_in_common(first, second, apart):
    assert anatomy.disjoint(first, second) is apart
    assert anatomy.disjoint(second, first) is apart


def test_every_mapping_leads_into_the_vocabulary():
    assert set(anatomy._CODES.values()) <= set(anatomy.BODY_PARTS)
    assert set(anatomy._SNOMED.values()) <= set(anatomy.BODY_PARTS)
    assert set(anatomy._COMBINED.values()) <= set(anatomy.BODY_PARTS)
