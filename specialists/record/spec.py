"""What `read_patient_record` takes and gives."""

from __future__ import annotations

from typing import Literal

from specialists.base import BackendSpec, Request, SpecialistSpec
from specialists.schema import Accepts

__all__ = ["SPEC", "Part", "ReadRecord"]

Part = Literal["conditions", "medications", "observations", "allergies", "procedures", "reports"]
_OVERVIEW: tuple[Part, ...] = ("conditions", "medications", "allergies")


class ReadRecord(Request):
    """Options of `read_patient_record`."""

    part: Part | None = None
    """A call for each; none: an overview."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """What to read."""
        return (self.part,) if self.part is not None else _OVERVIEW


SPEC = SpecialistSpec(
    name="read_patient_record",
    title="Patient record",
    description=(
        "Repeats what is coded in a patient's FHIR record, one part a call: conditions, "
        "medications, observations (laboratory values, vital signs), allergies, procedures or "
        "reports. No names, dates or free text. Not for images or genotypes."
    ),
    takes="a patient's FHIR R4 record: a Bundle in JSON, or a patient of the FHIR server",
    gives="conditions, medications, observations with units, allergies, procedures, reports",
    accepts=(
        Accepts(
            role="record",
            description="a patient's record: a FHIR R4 Bundle in JSON",
            kinds=("record",),
        ),
    ),
    request=ReadRecord,
    backends=(
        BackendSpec(name="reference", target="specialists.record.reference:Reference"),
    ),
    keywords=(
        *("patient record", "medical record", "health record", "fhir", "ehr", "comorbidities"),
        *("problem list", "medication list", "medical history", "historia clínica"),
        *("dossier médical", "krankenakte", "prontuário", "病历"),
    ),
    option_words={
        "part": {
            "conditions": (
                *("condition", "conditions", "diagnoses", "history", "comorbidities"),
                *("problem list", "antecedentes", "antécédents", "vorerkrankungen", "病史"),
            ),
            "medications": (
                *("medication", "medications", "medicines", "drugs", "prescriptions", "takes"),
                *("medicación", "medicamentos", "médicaments", "medikamente", "medicações", "用药"),
            ),
            "observations": (
                *("observation", "observations", "lab", "labs", "laboratory", "blood test"),
                *("vital signs", "vitals", "blood pressure", "hba1c", "creatinine", "hemoglobin"),
                *("kidney function", "renal function", "egfr", "kidney values", "liver values"),
                *("glucose", "blood sugar", "potassium", "sodium", "cholesterol", "crp", "bmi"),
                *("weight", "smoke", "smokes", "smoking", "smoker", "pulse", "saturation"),
                *("función renal", "fonction rénale", "nierenfunktion", "nierenwerte", "肾功能"),
                *("função renal",),
                *("laboratorio", "analítica", "laboratoire", "laborwerte", "exames", "化验"),
            ),
            "allergies": (
                *("allergy", "allergies", "allergic", "alergias", "alergia", "allergie"),
                *("allergien", "过敏"),
            ),
            "procedures": (
                *("procedure", "procedures", "surgery", "surgeries", "operations", "operated"),
                *("cirugías", "interventions", "eingriffe", "operationen", "cirurgias", "手术"),
            ),
            "reports": (
                *("diagnostic report", "diagnostic reports", "earlier reports", "past reports"),
                *("informes", "comptes rendus", "befunde", "laudos", "报告"),
            ),
        }
    },
    one_call_each="part",
    timeout_s=60.0,
)  # fmt: skip
