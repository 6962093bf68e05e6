"""The chest reference's parts: a small network, and linear models on texture.

Imported only by a backend that is about to run it, because it imports torch at the top.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from specialists.chest_xray.texture import Texture
from specialists.network import build_network


class ChestModel(nn.Module):
    """A network that both populations share, and texture models of each population's own.

    The outputs of `texture`: one for each fold of adults that a model did not learn from, then
    children, then whether the film looks like an adult's.
    """

    def __init__(self, architecture: Mapping[str, Any]) -> None:
        """Build from a card's `architecture`: that of the network, and `folds` of adults."""
        super().__init__()
        self.folds: int = architecture["folds"]
        self.network = build_network(architecture)
        self.texture = Texture(self.folds + 2)

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
        return torch.cat([seen, child, adult, felt[:, self.folds + 1 :]], dim=1)

    def maps(self, x: Tensor, weights: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Show where the log odds come from.

        Args:
            x: Shape (1, 1, rows, columns).
            weights: Of the network, and of each output of `texture`.

        Returns:
            Of the network (rows / 16, columns / 16) over the whole input, and of texture
            (FINE, FINE) over the input without its rim.
        """
        upright = self.network.activation_map(x, 1, 0)
        mirrored = self.network.activation_map(x.flip(-1), 1, 0).flip(-1)
        seen = (upright + mirrored)[0] / 2 * weights[0]
        return seen, self.texture.contributions(x, weights[1:])
