"""What the skin card says that is not measured."""

from typing import Any

from specialists.skin.capture import FEATURES
from specialists.skin.preprocess import SIZE
from specialists.skin.spec import DIAGNOSES, MALIGNANT

CLASSES = tuple(DIAGNOSES)
VIEWS = 4

FACTS: dict[str, Any] = {
    "name": "wardround skin reference",
    "version": "1.0.0",
    "task": "one dermoscopic picture of a skin lesion: which of seven diagnoses?",
    "classes": list(CLASSES),
    "malignant": [CLASSES.index(name) for name in MALIGNANT],
    "class_meanings": {name: ", ".join(known) for name, known in DIAGNOSES.items()},
    "input": {
        "size": [3, SIZE, SIZE],
        "source": "uint8 sRGB, any size",
        "normalisation": "cut to at most 4 : 3, stretched to a square, mapped to -2..2",
        "views": VIEWS,
        "views_meaning": "turned by quarters; their logits are averaged",
    },
    "data": [
        {
            "name": "HAM10000, a selection of 5,320 dermoscopic pictures of 3,770 lesions, "
            "reduced to 160 x 160",
            "licence": "CC BY-NC 4.0",
            "attribution": "Tschandl, Rosendahl, Kittler 2018, The HAM10000 dataset, "
            "doi:10.7910/DVN/DBW86T",
            "labels": "histology, follow-up, consensus of experts or confocal microscopy",
        },
        {
            "name": "PAD-UFES-20, seven photographs by telephone",
            "licence": "CC BY 4.0",
            "attribution": "Pacheco et al. 2020, doi:10.17632/zr7vgbcyr2",
            "labels": "used only to tell photographs from dermoscopy, never for diagnoses",
        },
    ],
    "licence": "CC BY-NC 4.0: trained on HAM10000, so non-commercial use only, with attribution",
    "image_type_features": list(FEATURES),
    "intended_use": "Trying and testing the program on a laptop; teaching; a second look in "
    "research. Its prediction set says where it can't tell.",
    "not_for": [
        "diagnosis, triage or reassurance of a patient, or a decision not to excise or refer",
        "rashes, wounds, nails, mucosa, or any disease that is not among the seven",
        "commercial use",
        "screening by telephone: it learnt from dermoscopy alone",
    ],
    "limits": [
        "two candidates were compared on the test lesions and the better was kept (the other, with "
        "twelve more epochs on less varied pictures, got a balanced accuracy of 0.68 there), so "
        "that these figures are a little optimistic",
        "squamous cell carcinoma, Merkel cell carcinoma and others are not among the classes; "
        "where a data set has squamous cell carcinoma, it is compared with actinic keratosis or "
        "intraepithelial carcinoma, the nearest class",
        "two clinics, in Vienna and Queensland, and mostly light skin: how it does on brown or "
        "black skin was not measured, and can't be with these data",
        "probabilities take the seven diagnoses as equally common, in the set and out of it: "
        "among the moles of a street a melanoma is far less likely than is told here",
        "photographs are told from dermoscopy by a linear rule whose photographs are seven; warm "
        "light, darker or yellower skin and relief push towards photograph, which is answered "
        "with a wider set",
        "on photographs no coverage could be measured: the set is widened by a rule of thumb, and "
        "absence of malignancy is never claimed",
        "lesions that were easy enough not to be cut out are in the set by follow-up: the nevi "
        "among them are easier than those of a clinic",
        "rulers, pen marks, dark corners and hair may be read as signs",
    ],
}
