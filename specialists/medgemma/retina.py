"""`classify_retina` by MedGemma: the five grades of retinopathy as options A to E."""

from __future__ import annotations

from specialists.medgemma.photographs import PhotographBackend
from specialists.retina.spec import GRADES, REFERABLE

__all__ = ["RetinaBackend"]

_FIRST_REFERABLE = 2


class RetinaBackend(PhotographBackend):
    """Grades photographs."""

    tool = "classify_retina"
    evaluated_on = (
        "No figure for the five grades is repeated here; arXiv 2604.05081 has what was published."
    )
    about = "The image is a color fundus photograph. These are the grades of diabetic retinopathy:"
    target = "grade of diabetic retinopathy"
    names = tuple(GRADES)
    finding = REFERABLE
    positive = tuple(GRADES)[_FIRST_REFERABLE:]
    not_assessed = (
        "Any disease but diabetic retinopathy, and the risk of macular edema.",
        "Where lesions are: there is no map.",
        "Whether the photograph is good enough to be graded.",
    )
    doing = "weighing the grades"
    title = "The fundus as MedGemma was shown it"
