"""The hub models that backends here can run, as their pages describe them.

What a page's text does not say is None here, and is asked of the hub before a download. Sources:
the models' cards, November 2026; `weights_gib` was counted on models of the same configuration.
"""

from __future__ import annotations

from specialists.hub import HubModel

__all__ = ["KNOWN", "known"]

_HAI_DEF = "Health AI Developer Foundations terms of use"
_HAI_DEF_TERMS = (
    "Use is bound by the Health AI Developer Foundations terms. What the model says is not meant "
    "to inform diagnosis, treatment or a patient's management directly; it is to be validated for "
    "each use."
)
_NC = "Non-commercial use only."
_NC_ND = "Non-commercial use only; nothing derived from it may be passed on."

MEDGEMMA_1_5_4B = HubModel(
    "google/medgemma-1.5-4b-it",
    licence=_HAI_DEF,
    download_gib=8.0,
    gated=True,
    terms=_HAI_DEF_TERMS,
    weights_gib=8.0,
)
MEDSIGLIP = HubModel(
    "google/medsiglip-448",
    licence=_HAI_DEF,
    download_gib=None,
    gated=True,
    terms=_HAI_DEF_TERMS,
    weights_gib=1.64,
)
MIDNIGHT = HubModel(
    "kaiko-ai/midnight", licence="MIT", download_gib=None, gated=False, weights_gib=2.1
)
H_OPTIMUS_0 = HubModel(
    "bioptimus/H-optimus-0", licence="Apache-2.0", download_gib=None, gated=None, weights_gib=2.11
)
H_OPTIMUS_1 = HubModel(
    "bioptimus/H-optimus-1",
    licence="CC-BY-NC-ND-4.0",
    download_gib=None,
    gated=None,
    terms=_NC_ND,
    weights_gib=2.11,
)
VIRCHOW = HubModel(
    "paige-ai/Virchow", licence="Apache-2.0", download_gib=None, gated=True, weights_gib=1.18
)
VIRCHOW2 = HubModel(
    "paige-ai/Virchow2",
    licence="CC-BY-NC-ND-4.0",
    download_gib=None,
    gated=True,
    terms=_NC_ND,
    weights_gib=1.18,
)
UNI2_H = HubModel(
    "MahmoodLab/UNI2-h",
    licence="CC-BY-NC-ND-4.0",
    download_gib=None,
    gated=True,
    terms=_NC_ND,
    weights_gib=1.27,
)
GIGAPATH = HubModel(
    "prov-gigapath/prov-gigapath", licence="not stated here", download_gib=None, gated=True
)
RETFOUND = HubModel(
    "YukunZhou/RETFound_mae_natureCFP",
    licence="CC-BY-NC-4.0",
    download_gib=None,
    gated=True,
    terms=_NC,
    weights_gib=0.56,
)
TORCHXRAYVISION = HubModel(
    "torchxrayvision/densenet121-res224-all",
    licence="Apache-2.0",
    download_gib=None,
    gated=None,
    weights_gib=0.02,
)

KNOWN = (
    MEDGEMMA_1_5_4B,
    MEDSIGLIP,
    MIDNIGHT,
    H_OPTIMUS_0,
    H_OPTIMUS_1,
    VIRCHOW,
    VIRCHOW2,
    UNI2_H,
    GIGAPATH,
    RETFOUND,
    TORCHXRAYVISION,
)


def known(name: str) -> HubModel | None:
    """Find a model by its hub id, capitals and small letters alike."""
    return next((one for one in KNOWN if one.id.lower() == name.lower()), None)
