"""A known picture and what a model makes of it, tried when the model is loaded.

Weights that were exchanged, a library that computes otherwise and a model that does not look at
its picture are found before the first answer, not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from specialists.errors import BackendUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Net", "check", "observe", "picture"]

SIZE = 256
TOLERANCE = 0.02
"""Of an output, relative where it is above 1: far above rounding, far below another model's."""


class Net(Protocol):
    """A model on arrays, with its card."""

    card: dict[str, Any]

    def canary(self, picture: NDArray[Any]) -> Any:
        """Return what the model computes from a picture, before anything is calibrated.

        Args:
            picture: Shape (rows, columns, 3), uint8 sRGB.
        """


def picture() -> NDArray[Any]:
    """Build the known picture: waves of three lengths, without a generator of random numbers.

    Returns:
        Shape (256, 256, 3), uint8 sRGB.
    """
    import numpy as np

    y, x = np.mgrid[:SIZE, :SIZE]
    waves = [
        np.sin(x / a) * np.cos(y / b) + 0.5 * np.sin((x + y) / c)
        for a, b, c in ((7, 11, 23), (13, 5, 31), (17, 19, 9))
    ]
    return np.asarray((np.stack(waves, axis=-1) + 1.5) * (255 / 3)).astype(np.uint8)


def observe(net: Net) -> list[float]:
    """Run a model on the known picture: what its card keeps as `canary`."""
    return _rounded(net, picture())


def _rounded(net: Net, shown: NDArray[Any]) -> list[float]:
    import numpy as np

    return [float(f"{value:.5g}") for value in np.ravel(net.canary(shown))]


def check(net: Net) -> None:
    """Try a loaded model.

    Raises:
        BackendUnavailable: If it gives other numbers than its card says, where that says any,
            or the same ones for a blank picture.
    """
    import numpy as np

    seen = observe(net)
    if not _equal(seen, net.card.get("canary", seen)):
        raise BackendUnavailable(
            "The model does not compute what its card says. Install the package again."
        )
    blank = np.full((SIZE, SIZE, 3), 128, np.uint8)
    if _equal(seen, _rounded(net, blank), 1e-6):
        raise BackendUnavailable("The model's output does not depend on the picture.")


def _equal(seen: Sequence[float], known: Sequence[float], tolerance: float = TOLERANCE) -> bool:
    near = (abs(a - b) <= tolerance * max(1.0, abs(b)) for a, b in zip(seen, known, strict=False))
    return len(seen) == len(known) and all(near)
