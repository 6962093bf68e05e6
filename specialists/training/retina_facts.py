"""What the retina card says that is not measured."""

from typing import Any

from specialists.retina.preprocess import WIDTH
from specialists.retina.spec import EDEMA, GRADES

FACTS: dict[str, Any] = {
    "name": "wardround retina reference",
    "version": "1.1.0",
    "task": "one colour fundus photograph: grade of diabetic retinopathy (0 to 4), and risk of "
    "macular edema (0 to 2)",
    "classes": list(GRADES),
    "edema_classes": list(EDEMA),
    "input": {
        "size": [3, None, WIDTH],
        "source": "uint8 sRGB, any size",
        "normalisation": "cut to the lit field, scaled to a width of 512, each channel divided "
        "by its surroundings, and by a map of the camera's dust as strong as it is there; "
        "features are of contrast only, never of the camera's colours",
    },
    "architecture": {
        "kind": "for each question 'at least this level?' the mean log odds of a penalised "
        "logistic regression and 120 boosted trees of depth 2, over hand-made features of red and "
        "bright candidates; calibrated by Platt scaling",
    },
    "data": [
        {
            "name": "IDRiD disease grading, the official training images",
            "licence": "CC BY 4.0",
            "attribution": "Porwal et al. 2018, Indian Diabetic Retinopathy Image Dataset, "
            "doi:10.21227/H25W98",
            "labels": "read by experts",
        }
    ],
    "split": {
        "grouped_by": "block of consecutive numbers: patients are not named, and neighbours in "
        "the set are alike",
        "metrics": "12 blocks in turn held out from training and calibration; the dust map, which "
        "uses no labels, is the median of every second photograph",
        "metrics_random_folds": "5 random folds, for comparison: optimistic, as are all figures "
        "from within one set",
    },
    "conformal_method": "split-conformal by class on the held-out blocks, each question at its "
    "level; referable or not is asked apart from the grade; a set holds at least the likeliest "
    "level, unless the features are beyond the guard, where it is empty",
    "licence": "Apache-2.0 for the weights; the data's attribution above goes with them",
    "intended_use": "Trying and testing the program on a laptop; teaching; a second look in "
    "research. Its prediction set says where it can't tell.",
    "not_for": [
        "screening, diagnosis or referral of a patient",
        "OCT, angiography, widefield or red-free images",
        "glaucoma, macular degeneration, vessel occlusion or any disease but diabetic retinopathy",
    ],
    "limits": [
        "one camera, one clinic, one country (Kowa VX-10, 50 degrees, Nanded, India)",
        "the dust map is of that camera; on others, which do not follow it, dust is not taken out",
        "microaneurysms are at the limit of what 512 pixels show, so grade 1 is rarely told "
        "from grade 0",
        "new vessels are not looked for as such: grade 4 rests on haemorrhages and exudates",
        "risk of macular edema rests on exudates near the macula; thickening is not seen",
        "sets of grades are wide: mild retinopathy is rare in the set and hardly told apart",
        "within one set figures are optimistic; other cameras can give lower ones",
    ],
}
