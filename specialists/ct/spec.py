"""What `report_ct` takes and gives."""

from __future__ import annotations

from specialists.base import BackendSpec, Request, SpecialistSpec
from specialists.medgemma.model import TRUNK_AND_HEAD
from specialists.medgemma.model import backend as medgemma
from specialists.medgemma.terms import names
from specialists.organs.offer import backend as totalsegmentator
from specialists.schema import Accepts, MaskLink, SpecialistResult

__all__ = ["SPEC", "CtResult", "ReportCt"]


class ReportCt(Request):
    """Options of `report_ct`."""

    previews: bool = True
    """Whether to draw pictures: sections with the masks, windows, fat and muscle as measured."""


class CtResult(SpecialistResult):
    """What `report_ct` gives back."""

    masks: tuple[MaskLink, ...] = ()
    """What was measured, voxel by voxel."""


SPEC = SpecialistSpec(
    name="report_ct",
    title="CT measurements and report",
    description=(
        "Measures a CT scan of any body part: each lung and its thirds (volume, density, "
        "low-attenuation share), trachea, dense volume where vessels lie (a rough surrogate of "
        "their calcium), fat and muscle in slices, gas, soft tissue, bone, dense foci outside bone "
        "(possible calcification), metal and which body parts are in view; with a written report. "
        "It measures and does not diagnose: no nodules, tumours, bleeding, embolism or fractures, "
        "no organs by name. Not for radiographs, MR or photographs."
    ),
    takes="one CT scan: a DICOM series (folder, ZIP or slices) or a NIfTI volume",
    gives="measurements with units, findings and a report",
    accepts=(
        Accepts(
            role="volume",
            description="a CT scan of any body part, as a DICOM series or a NIfTI volume",
            kinds=("volume",),
            modalities=("CT",),
        ),
    ),
    request=ReportCt,
    result=CtResult,
    backends=(
        medgemma(
            "ct:CtBackend",
            accepts=(
                Accepts(
                    role="volume",
                    description="a CT scan of the chest, the abdomen, the pelvis or the head",
                    kinds=("volume",),
                    modalities=("CT",),
                    body_parts=TRUNK_AND_HEAD,
                ),
            ),
            findings=names("ct"),
            description=(
                "Writes a report of a CT scan of chest, abdomen, pelvis or head from at most 85 of "
                "its slices: nodules, masses, consolidation, effusions, fractures, bleeding, "
                "embolism and other findings, each present, absent or uncertain. Measures lung "
                "volume and density, fat, muscle, gas, bone and calcification beside. Other parts "
                "of the body are measured alone. Not for radiographs, MR or photographs."
            ),
            gives="report and findings, measurements with units and masks",
            timeout_s=900.0,
        ),
        BackendSpec(
            name="reference",
            target="specialists.ct.reference:Reference",
            requires=("numpy", "scipy"),
            memory_gib=1.0,
        ),
        totalsegmentator(),
    ),
    findings=("dense focus outside bone", "calcification", "metal-density material"),
    keywords=(
        # Words for the scan, in English, Spanish, French, German, Portuguese and Chinese.
        *("ct", "cat scan", "computed tomography", "hounsfield", "hu"),
        *("tc", "tac", "tomografía", "tomografia", "tomodensitométrie", "scanner"),
        *("computertomographie", "computertomografie", "tomodensitometria", "断层扫描", "层析"),
        # What is measured.
        *("lung volume", "lung density", "emphysema", "emphysema index", "low attenuation"),
        *("volumen pulmonar", "enfisema", "volume pulmonaire", "emphysème", "lungenvolumen"),
        *("emphysem", "volume pulmonar", "肺容积", "肺体积", "肺气肿", "肺密度"),
        *("calcification", "calcium", "calcificación", "verkalkung", "calcificação", "钙化"),
        *("visceral fat", "subcutaneous fat", "body composition", "grasa visceral"),
        *("graisse viscérale", "viszeralfett", "bauchfett", "gordura visceral", "内脏脂肪"),
        *("bowel gas", "bone volume", "metal implant", "field of view"),
        *("gas intestinal", "gaz intestinal", "darmgas", "gás intestinal", "肠气"),
    ),
    timeout_s=180.0,
)
