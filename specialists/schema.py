"""The types that specialists, tools and the agent share.

Plain data: importable without torch, pydicom or MCP. Units are UCUM codes
(https://ucum.org), modalities are DICOM codes (PS3.3 C.7.3.1.1.1).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Assertion = Literal["present", "absent", "uncertain"]
Laterality = Literal["left", "right", "bilateral"]
Kind = Literal[
    "radiograph", "volume", "slide", "photograph", "image", "variants", "scoring_file",
    "chain_file", "reference_genome", "record",
]  # fmt: skip
BodyPartSource = Literal["header code", "header text", "recogniser"]


class Data(BaseModel):
    """Base of all shared types: immutable, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Manifest(Data):
    """What a file is, without who it is of.

    No name, ID, date or UID has a field here, so none can pass.
    """

    kind: Kind
    format: str
    """DICOM, NIfTI, PNG, JPEG, TIFF, SVS, VCF, BCF, PGS scoring file, …"""
    modality: str | None = None
    """DICOM Modality code: CR, DX, CT, MR, SM, XC (photograph), DMS (dermoscopy), OP (fundus), …"""
    body_part: str | None = None
    """In lower case, from the vocabulary of `specialists.anatomy`."""
    body_part_source: BodyPartSource | None = None
    view: str | None = None
    """PA, AP, lateral, oblique, axial, coronal, sagittal, …"""
    laterality: Laterality | None = None
    human: bool = True
    """False where the header says that the patient is an animal."""
    age_years: int | None = Field(default=None, ge=0, le=90)
    """Whole years; everyone above 89 is 90."""
    sex: Literal["female", "male", "other"] | None = None
    rows: int | None = None
    columns: int | None = None
    frames: int | None = None
    """Slices of a volume, frames of a slide, pages of an image."""
    spacing_mm: tuple[float, ...] | None = None
    """Row, column and slice spacing, as many as are known."""
    genome_build: Literal["GRCh37", "GRCh38"] | None = None
    samples: int | None = None
    variants: int | None = None
    resources: dict[str, int] = {}
    """Of a patient's record: how many there are of each FHIR resource type that can be read."""
    recognised: str | None = None
    """What the recogniser sees in the pixels, where it looked."""
    recognised_probability: float | None = None
    notes: tuple[str, ...] = ()
    """Faults found on the way: missing slices, unequal spacing, gantry tilt, …"""


class Accepts(Data):
    """One role that a file can play in a call, and which files may play it."""

    role: str
    description: str
    kinds: tuple[Kind, ...]
    modalities: tuple[str, ...] | None = None
    """None where modality does not matter."""
    body_parts: tuple[str, ...] | None = None
    """None where the body part does not matter; otherwise it must be known and listed."""
    refused_views: tuple[str, ...] = ()
    required: bool = True
    maximum: int = 1


class Box(Data):
    """A rectangle on the original image, in pixels: `left` and `top` inside, the others outside."""

    left: float
    top: float
    right: float
    bottom: float


class Finding(Data):
    """Something that is there, is not there, or may be there."""

    name: str
    """A term of the specialist's list of findings, in lower case."""
    assertion: Assertion
    probability: float | None = Field(default=None, ge=0, le=1)
    """Calibrated; None where the model only has a score."""
    site: str | None = None
    laterality: Laterality | None = None
    box: Box | None = None
    text: str
    """One sentence that stands alone and says no more than the fields."""


class Measurement(Data):
    """A number with its unit."""

    name: str
    value: float
    unit: str
    """UCUM code: mm, cm3, [hnsf'U], %, 1, …"""
    site: str | None = None
    laterality: Laterality | None = None
    based_on: str | None = None
    """What the number was computed from: '1 204 331 voxels'."""
    text: str
    """One sentence that stands alone."""


class PredictionSet(Data):
    """The classes that cannot be excluded at a stated coverage (conformal)."""

    target: str
    """The question, such as 'diagnosis' or 'retinopathy grade'."""
    labels: tuple[str, ...]
    coverage: float = Field(gt=0, lt=1)
    probabilities: dict[str, float]
    conclusive: bool
    """True where exactly one class is left."""
    text: str


class RiskScore(Data):
    """A polygenic score of one sample."""

    name: str
    """PGS Catalog id, or the file's own name for the score."""
    trait: str | None = None
    sample: str
    """Position in the file ('sample 1'); the caller's label only where asked for."""
    value: float
    """Sum of effect weight times dosage."""
    average: float
    """`value` divided by the number of alleles that were scored."""
    percentile: float | None = Field(default=None, ge=0, le=100)
    reference: str | None = None
    """The population that the percentile is from."""
    overlap: float = Field(ge=0, le=1)
    """Share of the score's variants that were matched."""
    text: str


class Narrative(Data):
    """Text that a specialist wrote, kept as it was."""

    text: str
    language: str = "en"


class PictureLink(Data):
    """A picture that goes with a result; its bytes are an MCP resource."""

    title: str
    uri: str
    media_type: str = "image/png"


class TableLink(Data):
    """A table that goes with a result; its bytes are an MCP resource."""

    title: str
    uri: str
    media_type: str = "application/gzip"
    """Tab-separated text, compressed."""


class MaskSegment(Data):
    """One value of a label map."""

    number: int = Field(ge=1)
    name: str
    laterality: Laterality | None = None


class MaskLink(Data):
    """A label map that goes with a result: a NIfTI volume, whose bytes are an MCP resource."""

    title: str
    uri: str
    media_type: str = "application/gzip"
    segments: tuple[MaskSegment, ...]
    """What the voxels' values mean; 0 is nothing."""


class Provenance(Data):
    """Where a result comes from."""

    specialist: str
    backend: str
    model: str
    version: str
    weights_sha256: str | None = None
    evaluated_on: str
    """How the model was evaluated, with figures from its card, in a sentence."""
    terms: str | None = None
    """Licence terms that bind the user of the result."""
    duration_s: float | None = None


class SpecialistResult(Data):
    """What every specialist gives back."""

    summary: str
    """Text that stands alone, for a reader who sees nothing else."""
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    prediction_sets: tuple[PredictionSet, ...] = ()
    risk_scores: tuple[RiskScore, ...] = ()
    narrative: Narrative | None = None
    not_assessed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    pictures: tuple[PictureLink, ...] = ()
    provenance: Provenance


class EvidenceFinding(Data):
    """The finding behind a piece of evidence."""

    name: str
    assertion: Assertion
    site: str | None = None
    laterality: Laterality | None = None


class Evidence(Data):
    """One thing that one specialist said: what statements cite."""

    id: str
    """E1, E2, …"""
    tool: str
    attachment: str | None
    """A1, A2, …"""
    text: str
    finding: EvidenceFinding | None = None
    value: float | None = None
    unit: str | None = None


class InspectedFile(Data):
    """One entry of what `inspect_files` gives back."""

    handle: str
    """Names the file in later calls; says nothing about it."""
    manifest: Manifest | None = None
    """None where the file could not be read; `error` then says why."""
    error_code: str | None = None
    error: str | None = None
    accepted_by: tuple[str, ...] = ()
    """Tools that take the file."""
    refused_by: dict[str, str] = {}
    """Every other tool, with the reason."""


class Inspection(Data):
    """What `inspect_files` gives back: one entry a file, in the order of the call."""

    files: tuple[InspectedFile, ...]
