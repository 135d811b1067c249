"""Adam on minibatches of a loss of one parameter vector."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def adam(
    start: Tensor,
    loss: Callable[[Tensor, Tensor, int], Tensor],
    points: int,
    steps: int,
    batch: int,
    rate: float,
    rng: np.random.Generator,
) -> Tensor:
    """Parameters (p,) after `steps` steps of Adam (Kingma and Ba 2015), its rate falling to 0 as a cosine.

    loss: (parameters, indices of the minibatch, step) to a scalar; each epoch goes through all points in a new order,
    a last short batch left out; a batch is no larger than all points
    """
    size = min(batch, points)
    with torch.enable_grad():
        parameters = start.clone().requires_grad_()
        optimiser = torch.optim.Adam([parameters], lr=rate)
        order = torch.empty(0, dtype=torch.int64)
        for step in range(steps):
            if len(order) < size:
                order = torch.from_numpy(rng.permutation(points))
            indices, order = order[:size], order[size:]
            optimiser.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
            optimiser.zero_grad()
            loss(parameters, indices, step).backward()
            optimiser.step()
    return parameters.detach()
