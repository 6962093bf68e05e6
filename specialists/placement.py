"""Which model runs on which device, in what number format, and how much memory it may take."""

from __future__ import annotations

from dataclasses import dataclass

from specialists.errors import InvalidInput
from specialists.machine import resolve_device

__all__ = ["Placement", "budget_gib", "dtype_of"]

_PROCESSOR_GIB = 16.0
_USABLE = 0.95


@dataclass(frozen=True)
class Placement:
    """Devices by tool, or by 'TOOL:BACKEND'; '*' is for all others."""

    devices: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Placement:
        """Read 'cuda:0', 'auto', or 'report_ct=cuda:1,*=cuda:0'.

        Raises:
            InvalidInput: If it is neither.
        """
        if "=" not in text:
            return cls({"*": text.strip()})
        pairs = [part.split("=") for part in text.split(",") if part.strip()]
        if any(len(pair) != 2 or not all(one.strip() for one in pair) for pair in pairs):
            raise InvalidInput(
                "A device is named as 'cuda:0', or for each tool as 'report_ct=cuda:1,*=cuda:0'."
            )
        return cls({name.strip(): device.strip() for name, device in pairs})

    def of(self, tool: str, backend: str) -> str:
        """Give the device of a backend, resolved."""
        named = (self.devices.get(one) for one in (f"{tool}:{backend}", tool, "*"))
        return resolve_device(next((one for one in named if one is not None), "auto"))


def dtype_of(device: str, *, overflows: bool = False) -> str:
    """Give the number format that a model is loaded in on a device.

    bfloat16 where a GPU computes in it, float32 on a processor; on an older GPU float16.

    Args:
        device: A torch device string.
        overflows: Whether the model overflows in float16, as Gemma 3 does.
    """
    if not device.startswith("cuda"):
        return "float32"
    import torch

    with torch.cuda.device(device):
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bfloat16"
    return "float32" if overflows else "float16"


def budget_gib(device: str, wanted: float | None) -> float:
    """Give the memory that models may take on a device.

    Args:
        device: A torch device string.
        wanted: What the settings say; None takes what is free on a GPU now, so that a server
            beside this process keeps what it has, and 16 GiB on a processor.
    """
    if wanted is not None:
        return wanted
    if not device.startswith("cuda"):
        return _PROCESSOR_GIB
    import torch

    return torch.cuda.mem_get_info(device)[0] / 2**30 * _USABLE
