"""What the DenseNet is, as a backend. No model library."""

from __future__ import annotations

from specialists.base import BackendSpec
from specialists.hub_models import TORCHXRAYVISION

__all__ = ["HUB", "NAME", "OUTPUTS", "backend"]

NAME = "xrv"
HUB = TORCHXRAYVISION
OUTPUTS = {
    "Atelectasis": "atelectasis",
    "Consolidation": "consolidation",
    "Infiltration": "infiltrate",
    "Pneumothorax": "pneumothorax",
    "Edema": "pulmonary edema",
    "Emphysema": "emphysema",
    "Fibrosis": "pulmonary fibrosis",
    "Effusion": "pleural effusion",
    "Pneumonia": "pneumonia",
    "Pleural_Thickening": "pleural thickening",
    "Cardiomegaly": "cardiomegaly",
    "Nodule": "nodule",
    "Mass": "mass",
    "Hernia": "hiatal hernia",
    "Lung Lesion": None,
    "Fracture": "fracture",
    "Lung Opacity": "pulmonary opacity",
    "Enlarged Cardiomediastinum": "mediastinal widening",
}
"""The model's outputs in order, with the checker's term; a lesion is a nodule or a mass as well."""


def backend() -> BackendSpec:
    """Describe the backend of `report_chest_xray`."""
    return BackendSpec(
        name=NAME,
        target="specialists.xrv.backend:ChestXray",
        requires=("torch", "torchvision", "safetensors"),
        memory_gib=0.6,
        install='pip install "wardround[hub]"',
        hub=HUB,
        needs_calibration=True,
        findings=tuple(name for name in OUTPUTS.values() if name),
    )
