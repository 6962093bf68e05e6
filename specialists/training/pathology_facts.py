"""What the pathology card says that is not measured."""

from typing import Any

FACTS: dict[str, Any] = {
    "name": "wardround pathology reference",
    "version": "1.0.0",
    "task": "one H&E tile of lung, colon or bone: which tissue or tumour type?",
    "input": {
        "source": "sRGB tile, central square",
        "size": [3, 224, 224],
        "network_size": 192,
        "field_um": {"lung": 112, "colon": 112, "bone": 1024},
    },
    "data": [
        {
            "name": "LC25000, lung, 1104 tiles of 552 originals (each twice, augmented)",
            "organ": "lung",
            "licence": "no formal licence; made freely available by its authors",
            "attribution": "Borkowski et al. 2019, arXiv:1912.12142",
        },
        {
            "name": "CRC-VAL-HE-7K, a selection of 42 patches",
            "organ": "colon",
            "licence": "CC BY 4.0",
            "attribution": "Kather, Halama, Marx 2018, doi:10.5281/zenodo.1214456",
        },
        {
            "name": "Osteosarcoma data of UT Southwestern, a selection of 42 tiles of four cases",
            "organ": "bone",
            "licence": "CC BY 3.0",
            "attribution": "Leavey et al. 2019, TCIA, doi:10.7937/tcia.2019.bvhjhdas",
        },
    ],
    "licence": "Apache-2.0 for the weights; LC25000, from which the lung head and the network "
    "were trained, has no formal licence (its authors made it freely available)",
    "intended_use": "Trying and testing the program on a laptop; teaching. Its prediction set "
    "says where it can't tell.",
    "not_for": [
        "diagnosis or grading of a patient's tissue",
        "other organs, cytology, frozen sections, stains other than H&E",
        "tissue types that are not among the classes: each tile gets one of them",
    ],
    "limits": [
        "42 images each for colon and bone: intervals are wide, and hospitals few",
        "LC25000 photographs differ in background and stain between tumour and benign tiles, so "
        "that colour alone tells much (see the metrics); how large its fields are is not "
        "published: 112 micrometres is an estimate from red blood cells",
        "osteosarcoma tiles are of four cases, of which none has all three classes in number: "
        "left-out cases are much harder than left-out blocks",
        "a whole slide's summary is over its tiles; coverage was measured on tiles only",
        "probabilities assume classes about equally common",
    ],
}
