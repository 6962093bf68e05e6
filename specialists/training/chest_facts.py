"""What the chest card says that is not measured."""

from typing import Any

from specialists.chest_xray.preprocess import SIZE

CLASSES = ("normal", "pneumonia")

FACTS: dict[str, Any] = {
    "name": "wardround chest film reference",
    "version": "1.2.0",
    "task": "one frontal chest film: are there radiographic signs of pneumonia?",
    "classes": list(CLASSES),
    "class_meanings": {
        "normal": "no radiographic sign of pneumonia",
        "pneumonia": "pneumonia or opacity",
    },
    "input": {
        "size": [1, SIZE, SIZE],
        "source": "grey film, 0 to 1, bright where dense (as MONOCHROME2 is shown)",
        "normalisation": "borders cropped, stretched to a square, 1st to 99th percentile, "
        "zero mean and unit deviation",
    },
    "data": [
        {
            "name": "Kermany 2018, Chest X-Ray Images (paediatric, 1 to 5 years, Guangzhou)",
            "population": "paediatric",
            "licence": "CC BY 4.0",
            "attribution": "Kermany, Zhang, Goldbaum 2018, Mendeley Data, doi:10.17632/rscbjbr9sj",
            "labels": "read by physicians",
        },
        {
            "name": "NIH ChestX-ray8, a selection (adult)",
            "population": "adult",
            "licence": "free use with credit",
            "attribution": "provided by the NIH Clinical Center; Wang et al., CVPR 2017",
            "labels": "mined from reports, noisy",
        },
    ],
    "licence": "Apache-2.0 for the weights; the data's attributions above go with them",
    "intended_use": "Trying and testing the program on a laptop; teaching; a second look in "
    "research. Its prediction set says where it can't tell.",
    "not_for": [
        "diagnosis or triage of a patient",
        "lateral views, CT, or anything that is not a frontal chest film",
        "findings other than pneumonia: a normal result does not exclude nodules, effusion, "
        "pneumothorax, heart failure or fractures",
    ],
    "limits": [
        "paediatric sets are fitted above the stated coverage, as a margin against another "
        "scanner; a set always holds the likeliest class",
        "two hospitals; another scanner, country or age group may give other figures",
        "probabilities assume classes about as common as in the calibration data, where "
        "pneumonia is far more common than on a ward",
        "adult labels come from report text and are partly wrong",
        "age decides the calibration; without it a model of the film's look weighs children's "
        "and adults' models, and the set is the union over those that the look does not rule "
        "out",
        "with the middle of the film hidden, texture alone still tells children's films apart "
        "(see shortcut_checks), and the film's outer part carries some of the adult result: "
        "it does not rest on the lungs alone",
        "an enlarged heart or a poor film can be called pneumonia",
        "the adult set gives itself away: its pneumonias are often made darker and of more "
        "contrast than its normal films (see shortcut_checks). A film darker than the normal "
        "ones is therefore never called pneumonia, only inconclusive; both NIH samples under "
        "tests/data/cxr, labelled cardiomegaly and no finding, are such films",
        "the map is confined to lung fields that plain image processing finds; how much evidence "
        "lies elsewhere is said in words",
        "the penalty and the features of the texture models were chosen on adult folds that "
        "include the test films, so the adult figures are slightly optimistic",
    ],
}
