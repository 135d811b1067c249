"""Our engine with PGD-20 is what other libraries compute; with its own inner maximum it ends at the same errors."""

from __future__ import annotations

import functools

import pytest
import torch

pytestmark = pytest.mark.peers
WHY = "the peers are not installed: `make test` does it, as does pip install --no-deps -r requirements-peers.lock"
for module in ("art", "foolbox", "torchattacks"):
    pytest.importorskip(module, reason=WHY)

from agreement import PGD, from_first_step, side_by_side  # noqa: E402
from engine import DenseData, paper_cell, trained  # noqa: E402
from peer_loops import LOOPS  # noqa: E402
from timing import Sizes  # noqa: E402

SIZES = Sizes(n=30, width=20, steps=150, d=500, test_points=1000)
# Weights, relative. torchattacks works in [0, 1], to which points are scaled and back: that costs it two digits.
TOLERANCES = {"torchattacks": 1e-2}


@functools.cache
def data() -> DenseData:
    """A small sample in R^500."""
    return DenseData.draw(paper_cell(SIZES, signal=5.0, budget=1.0))


@pytest.mark.parametrize("activation", ["leaky_relu", "relu"])
@pytest.mark.parametrize("name", LOOPS)
def test_a_peer_trains_in_r_d_what_our_engine_trains_in_the_subspace(name: str, activation: str) -> None:
    """From W₁ on: at W₀ there is no gradient, and attacks that normalise it follow their own rounding errors."""
    given = DenseData.draw(paper_cell(SIZES, signal=5.0, budget=1.0, activation=activation))
    q = given.basis()
    dense, reduced = (from_first_step(given.problem(basis)) for basis in (None, q))
    theirs = LOOPS[name](dense, 50).double() @ torch.tensor(q)
    ours = trained(reduced, 50, PGD).weights[0].double()
    assert torch.linalg.norm(theirs - ours) <= TOLERANCES.get(name, 1e-4) * torch.linalg.norm(ours)
    apart = torch.linalg.norm(ours - reduced.w0.double())
    assert apart > 0.3 * torch.linalg.norm(ours), "training has gone nowhere: nothing is compared"


def test_all_end_at_the_same_robust_test_error() -> None:
    """With PGD-20 all but rounding is the same; our own inner maximum stays inside the Monte Carlo error."""
    found = side_by_side(data())
    low, high = found["ours"]["robust_test_error_interval"]
    for name in LOOPS:
        assert found[name]["test_points_unlike_ours_pgd"] <= 0.002 * SIZES.test_points, name
        assert low <= found[name]["robust_test_error"] <= high, name
    assert 0.05 < found["ours"]["robust_test_error"] < 0.6, "an error that training does not decide"
