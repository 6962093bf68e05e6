"""Words of questions that mean a score that comes with the package.

Where several scores are of one trait, the one that was made for it as a whole counts. A score that
does not ship is named by its id or passed as a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["TRAIT_WORDS"]

TRAIT_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "PGS000001": (
            "breast cancer", "breast carcinoma", "breast tumour", "breast tumor",
            "cáncer de mama", "cancer du sein", "brustkrebs", "mammakarzinom",
            "câncer de mama", "乳腺癌",
        ),
        "PGS000002": (
            "ER-positive breast cancer", "ER positive breast cancer", "ER+ breast cancer",
            "estrogen-receptor positive breast cancer", "oestrogen-receptor positive breast cancer",
            "estrogen receptor positive breast cancer", "oestrogen receptor positive breast cancer",
        ),
        "PGS000802": (
            "colorectal cancer", "colorectal carcinoma", "bowel cancer", "colon cancer",
            "cáncer colorrectal", "cáncer de colon", "cancer colorectal", "cancer du côlon",
            "darmkrebs", "kolorektales karzinom", "câncer colorretal", "结直肠癌",
        ),
        "PGS001229": (
            "height", "standing height", "body height", "how tall", "estatura", "taille",
            "körpergröße", "altura", "身高",
        ),
        "PGS004255": (
            "rheumatoid arthritis", "artritis reumatoide", "polyarthrite rhumatoïde",
            "rheumatoide arthritis", "artrite reumatoide", "类风湿关节炎",
        ),
    }
)  # fmt: skip
