"""Where a network's decision boundary lies in the plane of μ and of a wrongly labelled training point's noise."""

from __future__ import annotations

import torch

from benign.experiments.noisy_clusters.fit import Network
from benign.nets.two_layer import output

REACH, POINTS = 4.0, 1601  # how far along μ the boundary is looked for, in ‖μ‖, and at how many places


def boundary(network: Network, height: float, point: int = 0) -> dict[str, float]:
    """The point's coordinates, and where on the line through `height` of its noise, parallel to μ, the sign turns.

    The point is one whose label is wrong; μ points to its own cluster. No columns where so many are not wrong, no
    `boundary` where the sign does not turn. In float64, of a network that was trained in float32.
    """
    problem, clean = network.drawn.problem, network.drawn.train_clean
    wrong = torch.nonzero(problem.y != clean).flatten()
    if point >= len(wrong):
        return {}
    which, mean = wrong[point], network.drawn.mean.double()
    side, x = clean[which].double(), problem.x[which].double()
    signal = torch.linalg.vector_norm(mean)
    axis = side * mean / signal
    along = x @ axis
    noise = x - along * axis
    t = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64, device=x.device) * signal
    line = t[:, None] * axis + height * noise  # (POINTS, k)
    f = side * output(line, network.weights.double(), problem.activation, problem.positive)
    found = {"along": float(along), "across": float(torch.linalg.vector_norm(noise))}
    turns = torch.nonzero((f[:-1] <= 0) & (f[1:] > 0)).flatten()
    if len(turns):
        last = turns[-1]
        share = f[last] / (f[last] - f[last + 1])
        found["boundary"] = float(t[last] + share * (t[last + 1] - t[last]))
    return found
