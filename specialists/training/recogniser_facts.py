"""What the recogniser's card says that is not measured."""

from typing import Any

from specialists.recogniser.preprocess import SIZE
from specialists.training.sources import CLASSES


def _data(name: str, used_for: str, licence: str, attribution: str) -> dict[str, str]:
    return {"name": name, "for": used_for, "licence": licence, "attribution": attribution}


FACTS: dict[str, Any] = {
    "name": "wardround recogniser",
    "version": "1.1.1",
    "task": "what kind of picture is this? asked before a specialist reads a file without headers",
    "classes": list(CLASSES),
    "input": {
        "size": [3, SIZE, SIZE],
        "source": "uint8 sRGB, any size and aspect; grey with three equal channels",
        "normalisation": "padded to sides of 2 to 1 at most, stretched to a square, 0..255 mapped "
        "to -2..2",
    },
    "data": [
        _data(
            "MedNIST",
            "CT, breast MR, hand and chest films",
            "CC BY-SA 4.0",
            "Dr. Bradley J. Erickson, Mayo Clinic; from TCIA, RSNA Bone Age and NIH sets",
        ),
        _data(
            "Kermany 2018",
            "chest films",
            "CC BY 4.0",
            "Kermany, Zhang, Goldbaum 2018, doi:10.17632/rscbjbr9sj",
        ),
        _data(
            "NIH ChestX-ray8, a selection",
            "chest films",
            "free use with credit",
            "provided by the NIH Clinical Center; Wang et al., CVPR 2017",
        ),
        _data("IQ-OTH/NCCD", "chest CT", "CC BY 4.0", "Alyasriy, AL-Huseiny, Mendeley Data"),
        _data("VQA-RAD", "films, CT, MR", "CC0", "Lau et al. 2018, images from MedPix"),
        _data("IDRiD", "fundus photographs", "CC BY 4.0", "Porwal et al. 2018"),
        _data("HAM10000", "skin", "CC BY-NC 4.0", "Tschandl, Rosendahl, Kittler 2018"),
        _data("CRC-VAL-HE-7K", "H&E", "CC BY 4.0", "Kather, Halama, Marx 2018"),
        _data("Osteosarcoma tumor assessment", "H&E", "CC BY 3.0", "Leavey et al. 2019, TCIA"),
        _data(
            "LC25000, lung",
            "H&E",
            "no formal licence; made freely available by its authors",
            "Borkowski et al. 2019",
        ),
        _data(
            "generated pages, windows, charts, shapes, noise; photographs shipped with "
            "scikit-image, scikit-learn and Matplotlib",
            "not a medical image",
            "their packages' terms",
            "scikit-image, scikit-learn, Matplotlib",
        ),
        _data(
            "everyday pictures: desktop backgrounds of GNOME, Lomiri and Ubuntu Kylin, sample "
            "pictures of OpenCV, figures of scikit-learn's documentation, collected from Debian "
            "packages by specialists.training.everyday",
            "not a medical image",
            "CC BY, CC BY-SA and CC0 (backgrounds), Apache-2.0 (OpenCV), BSD (scikit-learn)",
            "the GNOME, Lomiri and Ubuntu Kylin projects and their photographers, OpenCV, "
            "scikit-learn",
        ),
    ],
    "licence": "non-commercial (CC BY-NC 4.0, through HAM10000); attribution and share-alike "
    "as MedNIST's CC BY-SA 4.0 asks",
    "intended_use": "Turning away a file that a specialist is not made for. It says unknown "
    "rather than guess.",
    "not_for": [
        "telling body parts, views or findings apart",
        "diagnosis",
        "replacing a header that states the modality",
    ],
    "limits": [
        "other radiographs were hands only; other body parts are mostly unknown",
        "MR was breast and head only, CT mostly axial; other sections are mostly unknown",
        "ultrasound, mammography, OCT, endoscopy and PET were never seen: there is no class for "
        "them, and they should be unknown",
        "a CT or MR slice whose negative looks like a chest film is unknown, because a chest film "
        "in negative passes for MR",
        "skin was dermoscopy; a phone photograph of skin may be unknown",
        "the floors of probability and the limits of distance are fitted on held-out pictures of "
        "the training sets, as they are and varied; pictures of other origin are accepted less "
        "often",
        "the least floor of probability, 0.8, was set by hand after a phone photograph of red skin "
        "passed for a fundus photograph at 0.67",
        "few real photographs of everyday things were available, so many are unknown",
        "MedNIST names no patients: its slices were split by image, and its figures are "
        "optimistic for that",
    ],
}
