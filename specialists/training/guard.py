"""How near a picture must be to those of the training: fitted for networks with a guard."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from specialists.network import SmallNetwork


@torch.no_grad()
def fit_guard(network: SmallNetwork, embeddings: Tensor, labels: NDArray[np.intp]) -> None:
    """Store class means and a shared whitening of training features in the network."""
    truth = torch.from_numpy(labels)
    centres = torch.stack([embeddings[truth == c].mean(0) for c in range(len(network.centres))])
    residuals = (embeddings - centres[truth]).double()
    covariance = residuals.T @ residuals / len(residuals)
    values, vectors = torch.linalg.eigh(covariance)
    values = values + 0.02 * values.mean()
    network.centres.copy_(centres)
    network.whitening.copy_((vectors * values.rsqrt()) @ vectors.T)
