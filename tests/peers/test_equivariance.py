"""Our equivariant maps are those of emlp, by the authors of residual pathways, and its networks train as ours do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.filterwarnings("default")]
WHY = "emlp is not installed: pip install emlp six (it brings jax)"
groups = pytest.importorskip("emlp.groups", reason=WHY)
reps = pytest.importorskip("emlp.reps", reason=WHY)
objax = pytest.importorskip("objax", reason=WHY)
networks = pytest.importorskip("emlp.nn.objax", reason=WHY)
jax = pytest.importorskip("jax", reason=WHY)
jnp = pytest.importorskip("jax.numpy", reason=WHY)

from benign.nets.equivariant import assembled  # noqa: E402
from benign.nets.representations import Kind, Representation, invariants  # noqa: E402
from benign.studies.residual_pathway import experiment, systems  # noqa: E402
from benign.studies.residual_pathway.grid import STUDY, Cell  # noqa: E402
from benign.study import Context  # noqa: E402

GROUPS: dict[Any, Any] = {
    "O(3)": lambda: groups.O(3), "SO(3)": lambda: groups.SO(3), "O(2)": groups.O2eR3, "SL(3)": lambda: groups.SL(3),
}  # fmt: skip


def cell(**fields: Any) -> Cell:
    common: dict[str, Any] = {
        "experiment": "tasks", "system": "inertia", "symmetry": "O(3)", "model": "emlp", "width": 24,
        "basic_penalty": 0.0, "equivariant_penalty": 0.0, "n": 400, "epochs": 60, "batch": 200, "rate": 0.003,
        "test_points": 400, "seed": 0,
    }  # fmt: skip
    return Cell(**{**common, **fields})


@pytest.mark.parametrize("symmetry", GROUPS)
def test_invariant_tensors_span_what_the_library_s_span(symmetry):
    for kind in (Kind(1), Kind(2), Kind(3), Kind(4), Kind(1, 1), Kind(2, 1), Kind(2, 2)):
        ours = invariants(kind.settled(symmetry), symmetry)
        theirs = np.asarray(reps.T(kind.p, kind.q)(GROUPS[symmetry]()).equivariant_basis())
        assert ours.shape == theirs.shape
        assert ours @ ours.T == pytest.approx(theirs @ theirs.T, abs=1e-4)


def as_theirs(rep: Representation, group: Any) -> Any:
    return sum(copies * reps.T(kind.p, kind.q) for kind, copies in rep.parts)(group)


@pytest.mark.parametrize("symmetry", GROUPS)
def test_a_trained_network_s_maps_are_equivariant_to_the_library(symmetry):
    asked = cell(symmetry=symmetry, epochs=2)
    network = systems.architecture(asked)
    data = systems.sample(asked, STUDY.name)
    together = systems.Sample(*(part[None] for part in (data.x, data.y, data.test_x, data.test_y)))
    parameters = experiment.train([asked], network, together, Context(study=STUDY.name))
    for (source, target), layer in zip(network.maps, assembled(network, parameters), strict=True):
        weight = layer.weight[0].numpy()
        maps = as_theirs(source, GROUPS[symmetry]()) >> as_theirs(target, GROUPS[symmetry]())
        projected = np.asarray(maps.equivariant_projector() @ jnp.asarray(weight.reshape(-1)))
        assert projected.reshape(weight.shape) == pytest.approx(weight, abs=1e-4)


def trained_by_the_library(asked: Cell) -> float:
    """Test error of their equivariant network after our training on our points."""
    data = systems.sample(asked, STUDY.name)
    x, y, test_x, test_y = (jnp.asarray(part.numpy()) for part in (data.x, data.y, data.test_x, data.test_y))
    source, target = 5 * reps.Scalar + 5 * reps.Vector, reps.T(2)
    np.random.seed(0)  # noqa: NPY002  the library draws from the global generator
    model = networks.EMLP(source, target, group=groups.O(3), ch=asked.width, num_layers=3)
    optimiser = objax.optimizer.Adam(model.vars())

    @objax.Function.with_vars(model.vars())
    def loss(some: Any, true: Any) -> Any:
        return ((model(some) - true) ** 2).mean()

    gradient = objax.GradValues(loss, model.vars())

    @objax.Jit
    @objax.Function.with_vars(model.vars() + optimiser.vars())
    def step(some: Any, true: Any) -> Any:
        g, value = gradient(some, true)
        optimiser(lr=asked.rate, grads=g)
        return value

    rng = np.random.default_rng(0)
    for _ in range(asked.epochs):
        for rows in np.split(rng.permutation(asked.n), asked.n // asked.batch):
            step(x[rows], y[rows])
    return float(loss(test_x, test_y))


def test_a_network_trained_by_the_library_ends_at_the_error_of_ours(monkeypatch: pytest.MonkeyPatch):
    """Both learn: they end far below the targets' variance, at errors within a factor of 1.5."""
    monkeypatch.setattr(
        jax.sharding, "PmapSharding", type(None), raising=False
    )  # objax asks for it, jax has it no more
    asked = [cell(width=108, seed=seed) for seed in range(3)]
    ours = [row["test_mse"] for row in experiment.run(asked, Context(study=STUDY.name))]
    theirs = trained_by_the_library(asked[0])
    assert abs(np.log10(theirs) - np.log10(ours).mean()) < np.log10(1.5)
    assert theirs < 0.5 * float(systems.sample(asked[0], STUDY.name).test_y.var())
