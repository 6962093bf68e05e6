"""The chest reference's parts: a small network, and linear models on texture.

Imported only by a backend that is about to run it, because it imports torch at the top.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from specialists.chest_xray.heat import spread
from specialists.chest_xray.lungs import lung_box
from specialists.chest_xray.texture import FINE, Texture
from specialists.network import build_network

CLOSE = 106
"""Pixels a side of the close-up: so many are left by what texture models leave out."""


class ChestModel(nn.Module):
    """A network that both populations share, and texture models of each population's own.

    The outputs of `texture`: one for each fold of adults that a model did not learn from, then
    children, then whether the film looks like an adult's. `close` has one for each fold of
    adults, on the part of the film about the lungs; the two count alike.
    """

    def __init__(self, architecture: Mapping[str, Any]) -> None:
        """Build from a card's `architecture`: that of the network, and `folds` of adults."""
        super().__init__()
        self.folds: int = architecture["folds"]
        self.network = build_network(architecture)
        self.texture = Texture(self.folds + 2)
        self.close = Texture(self.folds)

    def forward(self, x: Tensor) -> Tensor:
        """Return log odds, not yet weighed against each other.

        Args:
            x: Shape (n, 1, rows, columns).

        Returns:
            Shape (n, 2 + folds + 1): pneumonia by the network, by the children's texture model
            and by each of the adults', and at last that the film looks like an adult's.
        """
        logits = (self.network(x) + self.network(x.flip(-1))) / 2
        felt = self.texture(x)
        seen = (logits[:, 1] - logits[:, 0])[:, None]
        child, adult = felt[:, self.folds : self.folds + 1], felt[:, : self.folds]
        adult = (adult + self.close(close_ups(x))) / 2
        return torch.cat([seen, child, adult, felt[:, self.folds + 1 :]], dim=1)

    def maps(self, x: Tensor, weights: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Show where the log odds come from.

        Args:
            x: Shape (1, 1, rows, columns).
            weights: Of the network, and of each output of `texture` as it is with `close`.

        Returns:
            Of the network (rows / 16, columns / 16) over the whole input, and of texture
            (FINE, FINE) over the input without its rim.
        """
        upright = self.network.activation_map(x, 1, 0)
        mirrored = self.network.activation_map(x.flip(-1), 1, 0).flip(-1)
        seen = (upright + mirrored)[0] / 2 * weights[0]
        halved = [weight / 2 for weight in weights[1 : self.folds + 1]]
        felt = self.texture.contributions(x, [*halved, *weights[self.folds + 1 :]])
        near = self.close.contributions(close_ups(x), halved).numpy()
        return seen, felt + torch.from_numpy(spread(near, lung_box(x[0, 0].numpy()), FINE))


def close_ups(films: Tensor) -> Tensor:
    """Cut films (n, 1, rows, columns) to their lungs: (n, 1, CLOSE, CLOSE)."""
    cut = []
    for film in films[:, 0].numpy():
        rows, columns = film.shape
        left, top, right, bottom = lung_box(film)
        box = (left * columns, top * rows, right * columns, bottom * rows)
        cut.append(Image.fromarray(film).resize((CLOSE, CLOSE), Image.Resampling.BILINEAR, box=box))
    return torch.from_numpy(np.stack([np.asarray(one) for one in cut]))[:, None]
