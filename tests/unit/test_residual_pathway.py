"""Equivariant maps and networks, residual pathways, the two systems, images, cells, and claims on tables that break
them.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benign import plots
from benign.data.images.record import DIGITS, DataError, ImageSet
from benign.nets import equivariant, translations
from benign.nets.equivariant import Architecture, Projector, bilinear, initial, outputs, products
from benign.nets.representations import SCALAR, VECTOR, Kind, group, invariants, summed, uniform
from benign.nets.translations import Convolution
from benign.studies.residual_pathway import experiment, images, systems
from benign.studies.residual_pathway.experiment import run
from benign.studies.residual_pathway.grid import STUDY, Cell
from benign.studies.residual_pathway.reported import MEDIANS, PENALTIES, PLACE, TASKS
from benign.study import CellError, Context
from benign.train.checkpoints import Checkpoints
from support import claims_of, figures_of, verdicts_of

NAME = STUDY.name
SYMMETRIES: list[Any] = ["O(3)", "SO(3)", "O(2)", "SL(3)"]


def small(**fields: Any) -> Cell:
    common: dict[str, Any] = {
        "experiment": "tasks", "system": "inertia", "symmetry": "O(3)", "model": "rpp", "width": 9,
        "basic_penalty": 1.0, "equivariant_penalty": 1e-3, "n": 12, "epochs": 2, "batch": 6, "rate": 0.003,
        "test_points": 8, "seed": 0,
    }  # fmt: skip
    return Cell(**{**common, **fields})


def rows(*cells: Cell, **context: Any) -> list[dict[str, Any]]:
    return list(run(list(cells), Context(study=NAME, **context)))


# ---------------------------------------------------------------- tensors and maps


@pytest.mark.parametrize(
    ("symmetry", "kind", "count"),
    [
        # Isotropic tensors: one for each pairing of the indices, and with ε under SO(3).
        ("O(3)", Kind(2), 1), ("O(3)", Kind(3), 0), ("O(3)", Kind(4), 3), ("O(3)", Kind(6), 15),
        ("SO(3)", Kind(3), 1), ("SO(3)", Kind(5), 6),
        # About an axis: z itself, then δ and zz, then z in three places of δ and zzz.
        ("O(2)", Kind(1), 1), ("O(2)", Kind(2), 2), ("O(2)", Kind(3), 4),
        # Of volume: δ pairs different indices, ε three of a sort.
        ("SL(3)", Kind(2, 0), 0), ("SL(3)", Kind(1, 1), 1), ("SL(3)", Kind(2, 2), 2), ("SL(3)", Kind(3, 0), 1),
        ("SL(3)", Kind(3, 3), 6),
    ],
)  # fmt: skip
def test_there_are_as_many_invariant_tensors_as_invariant_theory_says(symmetry, kind, count):
    assert invariants(kind, symmetry).shape == (3**kind.rank, count)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_invariant_tensors_are_orthonormal_and_left_as_they_are(symmetry):
    rng = np.random.default_rng(0)
    for kind in (Kind(2, 0), Kind(1, 1), Kind(2, 1), Kind(2, 2)):
        settled = kind.settled(symmetry)
        basis, g = invariants(settled, symmetry), group(symmetry).element(rng, 0.5)
        assert basis.T @ basis == pytest.approx(np.eye(basis.shape[1]), abs=1e-12)
        assert settled.matrix(g) @ basis == pytest.approx(basis, abs=1e-9)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_projected_weights_commute_with_the_group_and_projecting_twice_is_projecting_once(symmetry):
    source = summed([(SCALAR, 2), (VECTOR, 2), (Kind(1, 1), 1), (Kind(0, 1), 1)], symmetry)
    target = summed([(SCALAR, 1), (VECTOR, 1), (Kind(2), 2)], symmetry)
    project = Projector(target, source, symmetry)
    weights = project(torch.randn(2, target.size, source.size, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(project(weights), weights, atol=1e-5)
    assert weights.abs().max() > 0.1
    g = group(symmetry).element(np.random.default_rng(1), 0.5)
    for w in weights.double().numpy():
        assert target.matrix(g) @ w == pytest.approx(w @ source.matrix(g), abs=1e-5)


def test_the_projection_s_gradient_is_that_of_the_projection():
    rep = summed([(SCALAR, 1), (VECTOR, 1)], "O(2)")
    project = Projector(rep, rep, "O(2)")
    project.parts = [(shape, basis.double()) for shape, basis in project.parts]
    weights = torch.randn(1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(project, (weights,))


@pytest.mark.parametrize(("channels", "parts"), [(384, (102, 34, 11, 3)), (128, (38, 12, 3, 1))])
def test_channels_are_shared_out_over_ranks_as_in_the_authors_library(channels, parts):
    rep = uniform(channels, "O(3)")
    assert rep.size == channels
    assert tuple(copies for _, copies in rep.parts) == parts
    assert uniform(channels, "SL(3)").size == channels


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_the_bilinear_map_is_the_sum_of_its_products_and_commutes_with_the_group(symmetry):
    rep = uniform(60, symmetry)
    rng = np.random.default_rng(0)
    weights = [torch.from_numpy(rng.standard_normal((1, *p.shape))).float() for p in products(rep, symmetry)]
    assert weights
    x = rng.standard_normal((1, 4, rep.size))
    turn = rep.matrix(group(symmetry).element(rng, 0.3))

    def made(values: np.ndarray) -> np.ndarray:
        return bilinear(weights, rep, symmetry, torch.from_numpy(values).float()).double().numpy()

    assert made(2 * x) == pytest.approx(4 * made(x), rel=1e-4, abs=1e-3)
    assert made(x @ turn.T) == pytest.approx(made(x) @ turn.T, rel=1e-3, abs=5e-3)


@pytest.mark.parametrize(("channels", "possible"), [(107, False), (108, True)])
def test_outer_products_of_vectors_need_a_tensor_of_rank_three(channels, possible):
    """What inertia is made of: below 108 channels an equivariant network has no way to it."""
    made = products(uniform(channels, "O(3)"), "O(3)")
    assert any(product.to == Kind(2) and product.source == VECTOR for product in made) == possible


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("symmetry", SYMMETRIES)
@pytest.mark.parametrize("system", ["inertia", "pendulum"])
def test_an_equivariant_network_commutes_with_random_elements_and_a_residual_pathway_does_not(symmetry, system):
    errors = {}
    for model in ("emlp", "rpp"):
        (row,) = rows(small(model=model, symmetry=symmetry, system=system, width=60, rate=0.01))
        errors[model] = row["equivariance_error"]
    assert errors["emlp"] <= 1e-5
    assert errors["rpp"] > 1e-5


def test_a_residual_pathway_starts_as_an_equivariant_network_up_to_a_thousandth():
    cell = small(width=60)
    mixed = systems.architecture(cell)
    pure = dataclasses.replace(mixed, model="emlp")
    x = systems.sample(cell, NAME).x[None]
    start = initial(mixed, np.random.default_rng(0))
    kept = {name: values for name, values in start.items() if f".{equivariant.BASIC}." not in name}
    one, other = (outputs(a, equivariant.assembled(a, p), x) for a, p in ((mixed, start), (pure, kept)))
    assert 0 < float((one - other).norm() / other.norm()) < 0.01


def test_penalties_take_the_paths_that_they_are_of():
    start = initial(systems.architecture(small()), np.random.default_rng(0))
    equal = {name: torch.ones(1, 5) for name in start}
    maps = sum(name.endswith("equivariant.weight") for name in equal)
    assert maps == 4
    assert float(equivariant.penalty(equal, 0, 1, everything=False)) == 5 * maps
    assert float(equivariant.penalty(equal, 1, 0, everything=False)) == 5 * (maps + 3)  # and three layers of gates
    assert float(equivariant.penalty(equal, 1, 1, everything=True)) == 5 * len(equal)


# ---------------------------------------------------------------- systems


def test_moments_of_inertia_turn_with_the_masses_and_the_dial_breaks_that():
    g = group("O(3)").element(np.random.default_rng(3))
    for breaking, commutes in ((0.0, True), (0.3, False)):
        x, y = systems.inertia(5, breaking, np.random.default_rng(0))
        places = x[:, 5:].reshape(5, 5, 3) @ g.T
        expected = np.einsum("ij,njk,lk->nil", g, y.reshape(-1, 3, 3), g)
        r2 = (places**2).sum(-1)[..., None, None] * np.eye(3)
        turned = (x[:, :5, None, None] * (r2 - places[..., None] * places[..., None, :])).sum(1)
        turned[:, :, 2] *= 1 + breaking
        assert np.allclose(turned, expected) == commutes


def energy(z: np.ndarray, wind: float) -> np.ndarray:
    first, second, momenta = z[..., :3], z[..., 3:6], z[..., 6:]
    springs = (np.linalg.norm(first, axis=-1) - 1) ** 2 / 2 + (np.linalg.norm(first - second, axis=-1) - 1) ** 2
    force = np.array([8 * wind, 5 * wind, 1.0])
    return (momenta**2).sum(-1) / 2 + springs + (first + second) @ force


@pytest.mark.parametrize("wind", [0.0, 0.01])
def test_the_pendulum_keeps_its_energy_and_moves_along_its_gradient(wind):
    x, states = systems.pendulum(20, wind, np.random.default_rng(0))
    assert np.array_equal(states[:, 0], x)
    assert energy(states, wind) == pytest.approx(np.repeat(energy(x, wind)[:, None], 5, 1), abs=1e-4)
    slopes = np.array([(energy(x + e, wind) - energy(x - e, wind)) / 2e-6 for e in 1e-6 * np.eye(12)]).T  # (20, 12)
    expected = np.concatenate([slopes[:, 6:], -slopes[:, :6]], 1)
    assert systems.motion(x, wind) == pytest.approx(expected, abs=1e-6)


def test_the_flow_of_a_learnt_hamiltonian_is_that_of_its_gradient():
    """Of a linear Hamiltonian: places move at a constant speed, momenta under a constant force."""
    slope = torch.arange(12.0).reshape(1, 1, 12)
    layers = [equivariant.Layer(slope, torch.zeros(1, 1, 1), [], None)]
    linear = Architecture("mlp", "O(2)", summed([(VECTOR, 4)], "O(2)"), summed([(SCALAR, 1)], "O(2)"), 1, layers=0)
    z = torch.randn(1, 3, 12)
    states = systems.flow(linear, layers, z, keep=False)
    rate = torch.cat([slope[..., 6:], -slope[..., :6]], -1)[0, 0]
    assert torch.allclose(states[0, :, 4], z[0] + 0.8 * rate, atol=1e-4)


# ---------------------------------------------------------------- images


IMAGES: dict[str, Any] = {"system": "images", "data": "mnist", "symmetry": "translations"}


def pictured(**fields: Any) -> Cell:
    return small(**{**IMAGES, "experiment": "images", "width": 2, "rate": 0.03, **fields})


@functools.cache
def noise(colours: int = 1) -> ImageSet:
    """Images of random pixels, darker where a digit is larger."""
    rng, labels = np.random.default_rng(0), np.arange(40) % 10
    shape = (40, 32, 32, 3) if colours == 3 else (40, 28, 28)
    pixels = rng.integers(0, 256 - 20 * labels.reshape(-1, *(1,) * (len(shape) - 1)), shape).astype(np.uint8)
    name = "cifar10" if colours == 3 else "mnist"
    return ImageSet(name, pixels[:30], labels[:30], pixels[30:], labels[30:], DIGITS, "made by a test")


def looking() -> Context:
    return Context(study=NAME, images=lambda name: noise(3 if name == "cifar10" else 1))


def untrained(model: Any, colours: int = 1) -> tuple[Convolution, dict[str, torch.Tensor]]:
    network = Convolution(model, 16, (colours, 3, 4), 10)
    return network, translations.initial(network, np.random.default_rng(0))


def normal(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).standard_normal(shape)).float()


@pytest.mark.parametrize("colours", [1, 3])
def test_a_convolution_written_as_a_matrix_is_the_library_s_on_a_torus(colours):
    network, start = untrained("emlp", colours)
    (layer, *_) = translations.assembled(network, start)
    x = normal(5, colours, 16, 16)
    kernel = start["0.equivariant.weight"][0].view(3, colours, 3, 3)
    around = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="circular")
    expected = torch.nn.functional.conv2d(around, kernel)
    assert torch.allclose((x.flatten(1) @ layer.weight[0].mT).view(5, 3, 16, 16), expected, atol=1e-5)


def test_a_convolutional_network_commutes_with_translations_by_places_of_its_last_layer_and_others_do_not():
    x = normal(1, 7, 256)
    for model, pace, commutes in (("emlp", 4, True), ("emlp", 1, False), ("mlp", 4, False)):
        network, start = untrained(model)
        layers = translations.assembled(network, start)
        by = np.array([[1, 0], [0, 1], [3, 2], [2, 2], [1, 3], [0, 3], [2, 1]])
        after = translations.features(network, layers, translations.moved(x[0], 16, pace * by)[None])
        before = translations.moved(translations.features(network, layers, x)[0], 4, by)
        assert torch.allclose(after[0], before, atol=1e-5) == commutes, (model, pace)


def test_a_field_moves_down_and_to_the_right_and_comes_back_at_the_other_end():
    field = torch.zeros(1, 2 * 16)
    field[0, 3 * 4 + 2] = 1.0  # channel 0, row 3, column 2
    moved = translations.moved(field, 4, np.array([[1, 3]])).view(2, 4, 4)
    assert moved.nonzero().tolist() == [[0, 0, 1]]


def test_residual_convolutions_start_as_convolutions_up_to_a_thousandth():
    network, start = untrained("rpp")
    kept = {name: values for name, values in start.items() if f".{equivariant.BASIC}." not in name}
    x = normal(1, 50, 256)
    one, other = (
        translations.outputs(n, translations.assembled(n, p), x)
        for n, p in ((network, start), (dataclasses.replace(network, model="emlp"), kept))
    )
    assert 0 < float((one - other).norm() / other.norm()) < 0.005


def test_the_three_networks_have_layers_of_the_same_shapes():
    shapes = {
        model: [layer.weight.shape for layer in translations.assembled(*untrained(model))]
        for model in ("emlp", "rpp", "mlp")
    }
    assert shapes["emlp"] == shapes["rpp"] == shapes["mlp"] == [(1, 768, 256), (1, 256, 192), (1, 10, 64)]


def test_trained_convolutions_are_equivariant_and_a_residual_pathway_is_not():
    found = {row["model"]: row for row in run([pictured(model=m) for m in ("emlp", "rpp", "mlp")], looking())}
    assert found["emlp"]["equivariance_error"] <= 1e-5
    assert found["emlp"]["equivariance_error"] < found["rpp"]["equivariance_error"]
    assert found["mlp"]["equivariance_error"] > 0.1
    assert all(row.get("test_mse") is None for row in found.values())
    assert all(0 <= row[name] <= 1 for row in found.values() for name in ("train_error", "test_error"))


@pytest.mark.parametrize("data", ["mnist", "cifar10"])
def test_permuted_images_are_the_same_ones_with_one_permutation_for_all_colours(data):
    plain, mixed = (images.sample(pictured(data=data, breaking=s), looking()) for s in (0.0, 1.0))
    order = images.permutation(pictured(breaking=1.0), NAME)
    assert np.array_equal(np.sort(order), np.arange(256))
    for one, other in ((plain.x, mixed.x), (plain.test_x, mixed.test_x)):
        assert torch.equal(one.unflatten(1, (-1, 256))[..., order], other.unflatten(1, (-1, 256)))
    assert torch.equal(plain.y, mixed.y)
    assert torch.equal(plain.test_y, mixed.test_y)


def test_breaking_is_the_share_of_pixels_that_may_leave_their_place():
    for share in (0.0, 0.25, 1.0):
        left = (images.permutation(pictured(breaking=share), NAME) != np.arange(256)).sum()
        assert round(256 * share) - 5 <= left <= 256 * share


def test_more_images_than_there_are_is_an_error_that_says_how_many():
    with pytest.raises(DataError, match=r"n=31: mnist has 30 train images: give up to 30"):
        images.sample(pictured(n=31, batch=6), looking())


# ---------------------------------------------------------------- cells and rows


def test_a_row_does_not_depend_on_which_other_cells_are_asked_for():
    asked = [
        *(small(seed=seed) for seed in range(3)), small(model="emlp"), small(model="mlp", seed=1),
        *(small(system="pendulum", symmetry="O(2)", seed=seed) for seed in range(2)), small(symmetry="SL(3)"),
        *(pictured(seed=seed) for seed in range(2)), pictured(breaking=1.0, seed=2),
    ]  # fmt: skip
    together = {row["key"]: row for row in run(asked, looking())}
    assert all(list(run([cell], looking())) == [together[cell.key]] for cell in asked)


class Killed(Exception):
    pass


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one with every training step."""
    steps: list[int] = []
    loss = experiment._loss

    def counted(*arguments: Any) -> torch.Tensor:
        steps.append(1)
        return loss(*arguments)

    monkeypatch.setattr(experiment, "_loss", counted)
    return steps


@pytest.mark.parametrize("system", ["inertia", "pendulum", "images"])
def test_interrupted_and_resumed_equals_uninterrupted(system, tmp_path: Path, monkeypatch):
    made = pictured if system == "images" else functools.partial(small, system=system)
    cells = [made(epochs=4, seed=seed) for seed in range(2)]
    expected = list(run(cells, looking()))
    checkpoints = Checkpoints(tmp_path, "code", every_seconds=0.0)
    steps, loss = iter(range(100)), experiment._loss

    def dies(*arguments: Any) -> torch.Tensor:
        if next(steps) == 5:
            raise Killed
        return loss(*arguments)

    monkeypatch.setattr(experiment, "_loss", dies)
    again = dataclasses.replace(looking(), checkpoints=checkpoints)
    with pytest.raises(Killed):
        list(run(cells, again))
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(experiment, "_loss", loss)
    counted = counting(monkeypatch)
    assert list(run(cells, again)) == expected
    assert len(counted) == 2 * 4 - 4  # two steps an epoch, and two epochs were saved
    assert not list(tmp_path.iterdir())


def test_a_training_that_two_experiments_show_is_done_once(monkeypatch):
    counted = counting(monkeypatch)
    one, other = rows(small(), small(experiment="dial"))
    assert len(counted) == 2 * 2
    assert {name for name in one if one[name] != other[name]} == {"key", "experiment"}


def test_a_training_that_diverges_yields_a_row_that_says_so():
    broken, fine = rows(small(rate=1e20, epochs=3), small())
    assert broken["status"] == "diverged"
    assert fine["status"] == "ok"


def test_settings_that_do_not_matter_give_one_cell():
    assert small(model="emlp").key == small(model="emlp", basic_penalty=5, equivariant_penalty=5).key
    beside = {"system": "pendulum", "symmetry": "O(2)", "model": "mlp"}
    assert small(**beside).key == small(**beside, basic_penalty=5).key
    assert small(**beside).key != small(**beside, equivariant_penalty=5).key
    assert pictured(model="emlp").key == pictured(model="emlp", basic_penalty=5).key
    assert pictured(model="emlp").key != pictured(model="emlp", equivariant_penalty=5).key


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 13}, "batch=13 is impossible: give a value that is at most n=12"),
        ({"symmetry": "U(1)"}, "symmetry='U(1)'"),
        ({"width": 0}, "width=0"),
        ({"width": 100_000}, "width=100000 is impossible"),
        ({"rate": 0.0}, "rate=0.0"),
        ({"basic_penalty": -1.0}, "basic_penalty=-1.0"),
        ({"data": "mnist"}, "data='mnist' is impossible: give a value that is none unless system=images"),
        ({"symmetry": "translations"}, "symmetry='translations' is impossible"),
        ({"system": "images"}, "data='none' is impossible"),
        ({"system": "images", "data": "mnist"}, "symmetry='O(3)' is impossible: give a value that is translations"),
        ({**IMAGES, "breaking": 1.5}, "breaking=1.5 is impossible: give a value that is at most 1"),
        ({**IMAGES, "width": 20_000}, "width=20000 is impossible"),
    ],
)
def test_an_impossible_cell_is_an_error_that_names_it(changes, words):
    with pytest.raises(CellError) as error:
        small(**changes)
    assert words in str(error.value)


# ---------------------------------------------------------------- claims and figures


@functools.cache
def as_reported() -> pd.DataFrame:
    """The paper's errors at its sizes, eight trials with a spread of 2 %, and a dial that fits the claims."""
    sizes = {"width": 384, "epochs": 300, "n": 1000, "batch": 500, "basic_penalty": 0.5, "equivariant_penalty": 1e-5}
    modified = {"system": "inertia", "symmetry": "O(3)", "breaking": 0.3, "model": "rpp", "experiment": "penalties"}
    settings = ["basic_penalty", "equivariant_penalty"]
    found: list[tuple[dict[Any, Any], float]] = [
        (fields | {name: theirs[name] for name in names}, theirs["test_mse"])
        for fields, names, reported in ((sizes, [*PLACE, "model"], MEDIANS), (modified, settings, PENALTIES))
        for _, theirs in reported.iterrows()
    ]
    found += [({**modified, "model": model}, error) for model, error in (("emlp", 1.06), ("mlp", 4.8))]
    for s, errors in {0.0: (0.16, 0.28, 3.8), 0.3: (1.5, 0.7, 4.9), 3.0: (100.0, 5.0, 9.0)}.items():
        for model, error in zip(("emlp", "rpp", "mlp"), errors, strict=True):
            for basic in (0.1, 100.0) if model == "rpp" else (0.1,):
                found.append(
                    ({**modified, "experiment": "dial", "breaking": s, "model": model, "basic_penalty": basic}, error)
                )
    made = _as_claimed_of_images()
    for fields, error in found:
        for seed in range(8):
            cell = small(**{**fields, "seed": seed})
            value = error * 10 ** (0.01 * (-1) ** seed)
            distance = 1e-8 if cell.model == "emlp" else 0.01 * (1 + cell.breaking) * 10 ** (0.01 * (-1) ** seed)
            made.append(cell.row(status="ok", train_mse=value, test_mse=value, equivariance_error=distance))
    return STUDY.table(made)


def _as_claimed_of_images() -> list[dict[str, Any]]:
    """Test errors of images: the residual pathway is near the better of the other two."""
    made = []
    for data, breaking, seed in itertools.product(("mnist", "cifar10"), (0.0, 1.0), range(8)):
        near, wobble = (0.22 if breaking else 0.11), 1 + 0.01 * (-1) ** seed
        settings = [("emlp", 0.01, 0.4 if breaking else 0.1), ("mlp", 0.01, 0.2), ("rpp", 0.01, near)]
        settings += [("rpp", 1e-5, 0.22)] if breaking else []
        for model, basic, error in settings:
            cell = pictured(data=data, breaking=breaking, model=model, basic_penalty=basic, seed=seed)
            distance = 1e-8 if model == "emlp" else (0.2 + 0.2 * breaking) * wobble
            errors = {"train_error": 0.0, "test_error": error * wobble}
            made.append(cell.row(status="ok", **errors, equivariance_error=distance))
    return made


def test_the_paper_s_own_numbers_replicate_every_claim():
    assert set(verdicts_of(NAME, as_reported()).values()) == {"replicated"}


def scaled(table: pd.DataFrame, factor: float, what: str = "test_mse", **where: Any) -> pd.DataFrame:
    """The table with the errors of some rows times a factor."""
    chosen = np.logical_and.reduce([table[name] == value for name, value in where.items()])
    return table.assign(**{what: table[what].where(~chosen, table[what] * factor)})


BREAKS: dict[str, tuple[float, dict[str, Any]]] = {
    "inertia": (3, {"experiment": "tasks", "system": "inertia", "breaking": 0.0, "model": "rpp"}),
    "pendulum": (3, {"system": "pendulum", "symmetry": "O(2)", "breaking": 0.0, "model": "rpp"}),
    "modified_inertia": (3, {"experiment": "tasks", "breaking": 0.3, "model": "rpp"}),
    "windy_pendulum": (3, {"breaking": 0.01, "model": "rpp"}),
    "inertia_with_sl_3": (0.05, {"symmetry": "SL(3)", "model": "emlp"}),
    "pendulum_with_so_3": (0.001, {"symmetry": "SO(3)", "model": "emlp"}),
    "published": (2, {"experiment": "tasks", "system": "inertia", "breaking": 0.0, "model": "mlp"}),
    "near_the_better": (3, {"experiment": "tasks", "breaking": 0.3, "model": "rpp"}),
    "approximate_symmetry": (2, {"breaking": 0.01, "model": "rpp"}),
    "wrong_group": (0.05, {"symmetry": "SL(3)", "model": "emlp"}),
    "strong_basic_penalty": (9, {"experiment": "penalties", "basic_penalty": 100.0}),
    "weak_equivariant_penalty": (0.05, {"experiment": "penalties", "equivariant_penalty": 0.01}),
    "shape_of_the_ablation": (0.001, {"experiment": "penalties", "equivariant_penalty": 0.01}),
    "ahead_when_penalised": (0.1, {"experiment": "penalties", "model": "emlp"}),
    "leaves_the_equivariant_network": (3, {"experiment": "dial", "breaking": 0.3, "model": "rpp"}),
    "perceptron_is_never_best": (0.1, {"experiment": "dial", "breaking": 3.0, "model": "mlp"}),
}


@pytest.mark.parametrize("claim", BREAKS)
def test_a_claim_fails_on_a_table_that_breaks_it(claim):
    factor, where = BREAKS[claim]
    assert verdicts_of(NAME, scaled(as_reported(), factor, **where))[claim] in ("partly", "not replicated")


# Each criterion of the claims about images: what breaks it alone.
OF_IMAGES: list[tuple[str, str, float, dict[str, Any]]] = [
    ("images", "over_convolutional", 0.5, {"breaking": 0.0, "model": "emlp"}),
    ("images", "over_dense", 0.5, {"breaking": 0.0, "model": "mlp"}),
    ("permuted", "convolutional_over_dense", 1 / 3, {"breaking": 1.0, "model": "emlp"}),
    ("permuted", "over_convolutional", 0.5, {"breaking": 1.0, "model": "emlp"}),
    ("permuted", "over_dense", 0.9, {"breaking": 1.0, "model": "mlp"}),
    ("breaks_translations", "rise", 0.4, {"breaking": 1.0, "model": "rpp"}),
]


@pytest.mark.parametrize("data", ["mnist", "cifar10"])
@pytest.mark.parametrize(("claim", "criterion", "factor", "where"), OF_IMAGES)
def test_each_criterion_of_a_claim_on_images_fails_where_its_numbers_do(data, claim, criterion, factor, where):
    what = "equivariance_error" if claim == "breaks_translations" else "test_error"
    table = scaled(as_reported(), factor, what, data=data, **where)
    (found,) = (each for each in claims_of(NAME, table) if each.id == f"{claim}_{data}")
    assert found.verdict in ("partly", "not replicated")
    assert {each["name"]: each["verdict"] for each in found.criteria}[criterion] == "not replicated"


def test_claims_on_cifar10_are_not_run_where_it_is_left_out_and_those_on_mnist_are():
    table = as_reported()
    verdicts = verdicts_of(NAME, table[table["data"] != "cifar10"])
    names = {claim for claim, *_ in OF_IMAGES}
    assert {verdicts[f"{name}_cifar10"] for name in names} == {"not run"}
    assert {verdicts[f"{name}_mnist"] for name in names} == {"replicated"}


def test_claims_of_distances_fail_where_distances_do():
    table = as_reported()
    level = table["equivariance_error"].where(table["breaking"] < 3, 1e-3)
    verdicts = verdicts_of(NAME, table.assign(equivariance_error=level))
    assert verdicts["breaks_what_the_data_break"] == "not replicated"
    assert verdicts["equivariant_by_construction"] == "not replicated"
    of_images = {f"{claim}_{data}" for claim, *_ in OF_IMAGES for data in ("mnist", "cifar10")}
    assert {*BREAKS, *of_images, "breaks_what_the_data_break", "equivariant_by_construction"} == set(verdicts)


def test_claims_on_tasks_that_were_not_run_are_not_run():
    table = as_reported()
    verdicts = verdicts_of(NAME, table[table["breaking"] != 0.01])
    assert [verdicts[name] for name in ("windy_pendulum", "near_the_better", "approximate_symmetry")] == ["not run"] * 3
    assert verdicts["wrong_group"] == "replicated"
    assert set(verdicts_of(NAME, table.iloc[:0]).values()) == {"not run"}


def test_numbers_are_compared_with_the_paper_s_at_its_sizes_alone():
    table = as_reported()
    assert verdicts_of(NAME, table.assign(width=96))["published"] == "not run"


def test_the_reported_numbers_are_all_there():
    assert len(MEDIANS) == 3 * len(TASKS) == 18
    assert len(PENALTIES) == 16
    assert MEDIANS.set_index([*PLACE, "model"])["test_mse"]["inertia", "O(3)", 0.3, "rpp"] == 1.02
    assert PENALTIES.set_index(["basic_penalty", "equivariant_penalty"])["test_mse"][10.0, 0.01] == 7.0


def test_figures_have_the_cells_of_the_claims_that_name_them_and_the_paper_s_numbers():
    table = as_reported()
    drawn = {figure.name: figure for figure in figures_of(NAME, table)}
    assert tuple(drawn) == STUDY.figures
    for claim in claims_of(NAME, table):
        assert not claim.figure or claim.keys <= drawn[claim.figure].keys
    paper = drawn["tasks"].numbers.query("series == 'the paper'")
    assert sorted(paper["mean"]) == sorted(MEDIANS["test_mse"])
    assert sorted(drawn["penalties"].numbers.query("panel == 'the paper'")["mean"]) == sorted(PENALTIES["test_mse"])
    for figure in drawn.values():
        assert plots.render(figure)["png"]


def test_the_dial_s_figure_marks_where_another_model_becomes_the_best():
    (numbers,) = (figure.numbers for figure in figures_of(NAME, as_reported()) if figure.name == "dial")
    (mark,) = numbers.loc[numbers["kind"] == "mark", "x"]
    # Straight lines from .16 to 1.5 and from .28 to .7 over s = 0 to .3.
    assert mark == pytest.approx(0.3 * 0.12 / (0.12 + 0.8), rel=0.01)
    assert len(numbers[numbers["series"] == "best of all"]) == 3
