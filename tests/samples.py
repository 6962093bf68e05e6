"""A carried file and the options of a call, for each tool."""

from __future__ import annotations

CASES: dict[str, tuple[list[str], dict[str, object]]] = {
    "report_chest_xray": (["cxr/RG1_J2KI.dcm"], {}),
    "report_ct": (["ct/series"], {}),
    "answer_image_question": (["cxr/RG1_J2KI.dcm"], {"question": "is there an opacity?"}),
    "classify_pathology": (["pathology/CMU-1-Small-Region.svs"], {"organ": "colon", "tiles": 6}),
    "classify_skin_lesion": (["skin/PAT_778_1471_835.png"], {}),
    "classify_retina": (["retina/IDRiD_100_reduced.jpg"], {}),
    "score_polygenic_risk": (
        ["genomics/tiny1000G.vcf.gz", "genomics/PGS001229_hmPOS_GRCh38.txt.gz"],
        {"min_overlap": 0.01},
    ),
}
