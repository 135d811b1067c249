"""Relations of image pairs: reservoirs forget their start, pairs are what they are called, and every claim can fail."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benign import plots, seeds
from benign.data.images.record import DIGITS, DataError, ImageSet
from benign.data.images.sources import mnist_sample
from benign.nets import reservoir
from benign.pipeline import settings
from benign.studies.reservoir_similarity import networks, relations
from benign.studies.reservoir_similarity.claims import CLAIMS, WAYS
from benign.studies.reservoir_similarity.experiment import echo, nearest, run
from benign.studies.reservoir_similarity.grid import FIVE, LINEAR, NETWORKS, STUDY, TURNS, Cell, confusion
from benign.studies.reservoir_similarity.readout import READOUTS, columns, shown
from benign.study import CellError, Context
from support import claims_of, figures_of, verdicts_of

NAME = STUDY.name


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    """Ten blurred digits, each a bright row and column of its own on a dark ground."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 40)
    pixels = rng.integers(0, 30, (400, 16, 16))
    pixels[np.arange(400), 3 + labels] += 200
    pixels[np.arange(400), :, 3 + labels] += 20
    pixels[:, :3], pixels[:, 13:] = 0, 0
    train, test = np.split(rng.permutation(400), [240])
    images = pixels.astype(np.uint8)
    return ImageSet("mnist", images[train], labels[train], images[test], labels[test], DIGITS, "made by a test")


SMALL: dict[str, Any] = {
    "model": "differential", "side": 16, "nodes": 40, "pairs": 10, "test_pairs": 8, "width": 2, "steps": 5, "batch": 10,
    "seed": 0,
}  # fmt: skip


def cell(**fields: Any) -> Cell:
    return Cell(**{**SMALL, **fields})


def rows_of(images: ImageSet, *wanted: Cell) -> list[dict[str, Any]]:
    return list(run(list(wanted), Context(study=NAME, images=lambda name: images)))


def drawn(images: ImageSet, part: relations.Part, **fields: Any) -> relations.Pairs:
    return relations.draw(cell(**fields), images, NAME, part)


def of_relation(pairs: relations.Pairs, name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = pairs.relation == FIVE.index(name)
    return pairs.first[rows], pairs.second[rows]


# ---------------------------------------------------------------- reservoirs


@pytest.mark.parametrize("scaling", ["eigenvalue", "square_root"])
@pytest.mark.parametrize("model", ["differential", "joint"])
def test_two_starts_converge_while_the_reservoir_sees_an_image(scaling: Any, model: str, digits: ImageSet) -> None:
    """The echo state: from columns on the distance shrinks, and nothing of it is left in the end."""
    images = 2 if model == "joint" else 1
    rng = np.random.default_rng(1)
    made = reservoir.draw(200, 16, scaling, images, rng)
    pairs = drawn(digits, "unseen")
    first, second = torch.from_numpy(pairs.first), torch.from_numpy(pairs.second)
    inputs = columns(first) if images == 1 else torch.cat([columns(first), columns(second)], 2)
    start = torch.from_numpy(rng.uniform(-1, 1, (len(first), 200)))
    one, other = (list(reservoir.states(made, inputs, each)) for each in (start, -start))
    left = [float((a - b).norm() / (2 * start).norm()) for a, b in zip(one, other, strict=True)]
    assert left[7] < 0.1
    assert left[-1] < 1e-3
    assert echo(cell(model=model, nodes=200), made, first, second, rng) < 1e-3


def test_a_reservoir_beyond_the_echo_state_remembers_its_start() -> None:
    """What the measure is for: without input and bias, at four times the radius, starts stay apart."""
    made = reservoir.draw(100, 4, "eigenvalue", 1, np.random.default_rng(0))
    wild = reservoir.Reservoir(made.w_in, 4 * made.w_res, 0 * made.bias, 4 * made.radius)
    dark = torch.zeros(3, 28, 28, dtype=torch.float64)[:, :4]
    left = [
        echo(cell(nodes=100), each, dark, dark, np.random.default_rng(2))
        for each in (reservoir.Reservoir(made.w_in, made.w_res, 0 * made.bias, made.radius), wild)
    ]
    assert left[0] < 1e-5
    assert left[1] > 0.1


def test_weights_are_scaled_as_the_two_sources_do() -> None:
    made = [reservoir.draw(1000, 28, s, 1, np.random.default_rng(0)) for s in ("eigenvalue", "square_root")]
    for each in made:
        assert float(np.abs(np.linalg.eigvals(each.w_res.numpy())).max()) == pytest.approx(each.radius)
        assert float((each.w_res == 0).double().mean()) == pytest.approx(0.9, abs=0.002)
    assert made[0].radius == pytest.approx(0.5)
    assert made[1].radius == pytest.approx(1.2, abs=0.03), "what published code with √ comes to"
    assert torch.equal(made[0].w_in, made[1].w_in)


def test_half_of_a_joint_reservoir_sees_either_image_and_no_node_sees_both() -> None:
    made = reservoir.draw(41, 7, "eigenvalue", 2, np.random.default_rng(0))
    sees = torch.stack([(made.w_in[:, :7] != 0).any(1), (made.w_in[:, 7:] != 0).any(1)])
    assert sees.sum(0).tolist() == [1] * 41
    assert sorted(sees.sum(1).tolist()) == [20, 21]


def test_states_are_those_of_the_recursion() -> None:
    made = reservoir.draw(5, 3, "eigenvalue", 1, np.random.default_rng(0))
    inputs = torch.rand(4, 2, 3, dtype=torch.float64)
    state = np.zeros(5)
    for seen, found in zip(inputs[:, 1], reservoir.states(made, inputs), strict=True):
        state = np.tanh(made.w_in.numpy() @ seen.numpy() + made.w_res.numpy() @ state + made.bias.numpy())
        np.testing.assert_allclose(found[1], state)


# ---------------------------------------------------------------- readouts


def features_of(images: ImageSet, wanted: Cell) -> list[torch.Tensor]:
    pairs = relations.draw(wanted, images, NAME, "train")
    made = reservoir.draw(wanted.nodes, 16, "eigenvalue", 1, np.random.default_rng(0))
    return list(shown(wanted, made, torch.from_numpy(pairs.first), torch.from_numpy(pairs.second)))


def test_subtracted_states_are_those_of_the_two_images_alone(digits: ImageSet) -> None:
    pairs = drawn(digits, "train")
    made = reservoir.draw(40, 16, "eigenvalue", 1, np.random.default_rng(0))
    first, second = (
        list(reservoir.states(made, columns(torch.from_numpy(each)))) for each in (pairs.first, pairs.second)
    )
    assert torch.equal(columns(torch.from_numpy(pairs.first))[3, 2], torch.from_numpy(pairs.first[2, :, 3].copy()))
    for seen, one, other in zip(features_of(digits, cell()), first, second, strict=True):
        torch.testing.assert_close(seen, other - one)


@pytest.mark.parametrize("readout", READOUTS)
def test_a_readout_is_the_ridge_regression_that_it_is_called(readout: str, digits: ImageSet) -> None:
    features = features_of(digits, cell())
    codes = torch.from_numpy(drawn(digits, "train").codes)[:30]
    made = READOUTS[readout](30)
    for each in features:
        made.add(each)
    one = torch.ones(len(features[0]), 1, dtype=torch.float64)
    if readout == "columns":
        stacked = torch.stack([torch.cat([each, one], 1) for each in features])  # (columns, n, features)
        x, y = stacked[:, :30].flatten(0, 1), codes.repeat(len(features), 1)
        seen = stacked
    else:
        seen = torch.cat([*features, one], 1)[None]
        x, y = seen[0, :30], codes
    weights = torch.linalg.solve(x.T @ x + 0.3 * torch.eye(x.shape[1], dtype=torch.float64), x.T @ y)
    torch.testing.assert_close(made.outputs(codes, 0.3), (seen @ weights).mean(0))


def test_an_answer_is_the_nearest_row_of_the_book() -> None:
    book = relations.codebook("composed")
    assert book.tolist() == [[bit >> k & 1 for k in range(3)] for bit in range(8)]
    outputs = np.array([[0.9, 0.2, 0.6], [-3.0, 0.4, 0.4]])
    assert nearest(outputs, book).tolist() == [5, 0]
    assert nearest(outputs, np.eye(3)).tolist() == outputs.argmax(1).tolist()


# ---------------------------------------------------------------- pairs


def test_digits_that_are_tested_as_unseen_are_in_no_training_pair(digits: ImageSet) -> None:
    for fields in ({}, {"split": "random"}):
        trained, others = relations.split(cell(**fields), 10, NAME)
        assert set(trained) | set(others) == set(range(10))
        assert not set(trained) & set(others)
        for part, labels in (("train", trained), ("seen", trained), ("unseen", others)):
            firsts = drawn(digits, part, noise="none", **fields).first  # type: ignore[arg-type]
            rows = firsts.sum(2).argmax(1) - 3  # the bright row is the digit
            assert set(rows) <= set(labels)
            assert len(set(rows)) > 2


def test_published_training_sees_0_to_5_and_random_halves_differ_between_seeds() -> None:
    assert relations.split(cell(), 10, NAME)[0].tolist() == [0, 1, 2, 3, 4, 5]
    halves = {tuple(relations.split(cell(split="random", seed=seed), 10, NAME)[0]) for seed in range(5)}
    assert len(halves) > 3


def test_relations_are_what_they_are_called(digits: ImageSet) -> None:
    def class_of(images: np.ndarray) -> np.ndarray:
        return images.sum(2).argmax(1)

    pairs = drawn(digits, "train", pairing="one_image", pairs=30)
    first, second = of_relation(pairs, "rotated")
    np.testing.assert_array_equal(np.rot90(first[3]), second[3])
    first, second = of_relation(pairs, "zoomed")
    np.testing.assert_array_equal(second[:, ::2, 1::2], first[:, 4:12, 4:12])
    first, second = of_relation(pairs, "blurred")
    np.testing.assert_allclose(second[:, 5, 6], first[:, 3:8, 4:9].mean((1, 2)))
    first, second = of_relation(pairs, "same")
    assert 0 <= (second - first).min() < (second - first).max() <= 0.2
    first, second = of_relation(pairs, "different")
    assert (class_of(first) != class_of(second)).all()
    two = drawn(digits, "train", noise="none", pairs=30)
    first, second = of_relation(two, "same")
    assert (class_of(first) == class_of(second)).all()
    assert (np.abs(first - second).max((1, 2)) > 0).all(), "two images of the digit, not one twice"


def test_both_readings_of_the_noise_are_what_they_say() -> None:
    x = np.full((50, 16, 16), 0.5)
    peak, pixels = (relations.noised(x, noise, np.random.default_rng(0)) for noise in ("peak", "pixels"))
    assert (peak - x).mean() == pytest.approx(0.1, abs=0.002)
    assert (pixels != x).mean() == pytest.approx(0.2, abs=0.01)
    assert pixels[pixels != x].mean() == pytest.approx(0.15, abs=0.005)
    assert relations.noised(np.ones((1, 16, 16)), "peak", np.random.default_rng(0)).max() == 1


def test_the_control_gives_different_pairs_the_noise_and_changes_nothing_else(digits: ImageSet) -> None:
    plain, both = (drawn(digits, "train", noisy=noisy) for noisy in ("same", "both"))
    for name in FIVE:
        (first, second), (again, changed) = of_relation(plain, name), of_relation(both, name)
        np.testing.assert_array_equal(first, again)
        assert (second == changed).all() == (name != "different")


def test_more_pairs_are_the_same_pairs_and_more(digits: ImageSet) -> None:
    few, many = (drawn(digits, "train", pairs=count) for count in (4, 9))
    for name in FIVE:
        for one, other in zip(of_relation(few, name), of_relation(many, name), strict=True):
            np.testing.assert_array_equal(one, other[:4])


def test_changes_that_are_composed_are_tested_where_they_never_were_trained(digits: ImageSet) -> None:
    train, unseen = (drawn(digits, part, task="composed") for part in ("train", "unseen"))
    assert train.codes.sum(1).max() == 1
    assert unseen.codes.sum(1).min() == 2
    assert unseen.codes.shape == (4 * 8, len(TURNS))


def test_colours_are_averaged() -> None:
    colour = np.zeros((1, 16, 16, 3), np.uint8)
    colour[..., 1] = 255
    np.testing.assert_allclose(relations._grey(colour, 16), 1 / 3)


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize("model", ["differential", "joint", *LINEAR, *NETWORKS])
def test_every_model_gives_shares_of_pairs(model: str, digits: ImageSet) -> None:
    (row,) = rows_of(digits, cell(model=model))
    for part, count in (("train", 50), ("seen", 40), ("unseen", 40)):
        hits = row[f"{part}_accuracy"] * count
        assert hits == pytest.approx(round(hits))
    shares = np.array([[row[confusion(one, other)] for other in FIVE] for one in FIVE])
    np.testing.assert_allclose(shares.sum(1), 1)
    assert np.trace(shares) / 5 == pytest.approx(row["unseen_accuracy"])
    assert row["status"] == "ok"


def test_cells_of_a_group_give_the_rows_that_they_give_alone(digits: ImageSet) -> None:
    fields = [
        {"difference": difference, "readout": readout}
        for difference in ("signed", "absolute")
        for readout in ("columns", "trajectory")
    ]
    wanted = [cell(**each) for each in fields] + [cell(experiment="nodes"), cell(penalty=1.0)]
    assert len({each.group for each in wanted}) == 1
    together = rows_of(digits, *wanted)
    assert together == [row for each in wanted for row in rows_of(digits, each)]


def test_a_reservoir_learns_the_relations_of_digits_that_it_never_saw() -> None:
    """Of MNIST's sample, where the best that is linear in the pixels tells about half."""
    (row,) = rows_of(mnist_sample(), cell(side=28, nodes=100, pairs=50, test_pairs=40))
    assert row["unseen_accuracy"] > 0.7


def test_networks_fit_the_pairs_that_they_are_trained_on(digits: ImageSet) -> None:
    for model in NETWORKS:
        (row,) = rows_of(digits, cell(model=model, width=8, steps=150, rate=0.01, task="rotation", pairs=20))
        assert row["train_accuracy"] > 0.9


def test_a_siamese_network_does_not_know_which_image_came_first() -> None:
    net = networks.network(cell(model="siamese"), 5, NAME)
    pairs = torch.rand(3, 2, 16, 16)
    torch.testing.assert_close(net(pairs), net(pairs.flip(1)))


def test_classes_without_pairs_of_images_are_a_clear_error(digits: ImageSet) -> None:
    one_each = np.unique(digits.test_labels, return_index=True)[1]
    few = ImageSet(
        "mnist", digits.train_images, digits.train_labels, digits.test_images[one_each],
        digits.test_labels[one_each], DIGITS, "made by a test",
    )  # fmt: skip
    with pytest.raises(DataError, match="fewer than 2 seen images of a class"):
        rows_of(few, cell())


def test_an_image_that_is_smaller_than_asked_for_is_a_clear_error(digits: ImageSet) -> None:
    with pytest.raises(DataError, match="side=28: images of 16 x 16"):
        rows_of(digits, cell(side=28))


def test_images_that_are_missing_are_a_clear_error() -> None:
    with pytest.raises(CellError, match="--images mnist="):
        list(run([cell()], Context(study=NAME)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("side", 30), ("side", 8), ("penalty", 0.0), ("nodes", 1), ("pairs", 0), ("test_pairs", 0), ("rate", 0.0),
        ("noise", "gaussian"), ("task", "six"), ("model", "transformer"), ("data", "depth"), ("radius", "cube_root"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_named(field: str, value: Any) -> None:
    with pytest.raises(CellError, match=rf"^{field}={value!r} is (impossible: give a value that is|not one of) "):
        cell(**{field: value})


def test_networks_have_one_output_a_class() -> None:
    with pytest.raises(CellError, match="model='siamese' is impossible: give a value that is a reservoir or linear"):
        cell(model="siamese", task="composed")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"model": "joint", "difference": "absolute"}, {"model": "joint"}),
        ({"model": "siamese", "nodes": 7}, {"model": "siamese"}),
        ({"task": "rotation", "noise": "pixels", "noisy": "both"}, {"task": "rotation"}),
        ({"noise": "none", "noisy": "both"}, {"noise": "none"}),
        ({"width": 3}, {}),
    ],
)
def test_fields_that_a_model_or_task_does_not_have_do_not_make_another_cell(one: Any, other: Any) -> None:
    assert cell(**one) == cell(**other)


# ---------------------------------------------------------------- claims


def grid(tier: str) -> list[Cell]:
    return STUDY.cells(settings.section(settings.grid_file(NAME), NAME, tier)["grid"])


def ideal_row(of: Cell) -> dict[str, Any]:
    """A row as it would be if every claim held that can be run."""
    unseen = ideal_accuracy(of)
    row = of.row(status="ok", train_accuracy=1.0, seen_accuracy=unseen + 0.01, unseen_accuracy=unseen, tested=1000)
    if of.model in ("differential", "joint"):
        row |= {"spectral_radius": 0.5, "echo": 1e-9}
    if of.model == "siamese" and of.task == "rotation":
        row["seen_accuracy"] = 0.9
    if of.task == "five":
        wrong = 1.6 if of.noisy == "both" or of.noise == "none" else 5 * (1 - unseen)
        missed = {"different": min(wrong, 0.6), "same": min(max(wrong - 0.6, 0.0), 1.0)}
        rest = (wrong - sum(missed.values())) / len(TURNS)
        for one in FIVE:
            lost, answer = missed.get(one, rest), "rotated" if one == "blurred" else "blurred"
            shares = dict.fromkeys(FIVE, 0.0) | {answer: lost, one: 1 - lost}
            row |= {confusion(one, other): share for other, share in shares.items()}
        row["unseen_accuracy"] = sum(row[confusion(one, one)] for one in FIVE) / 5
        row["seen_accuracy"] = row["unseen_accuracy"] + 0.01
    return row


def ideal_accuracy(of: Cell) -> float:
    reservoirs = of.model in ("differential", "joint")
    if of.task == "five":
        if of.pairing == "one_image":
            return 0.95
        if of.model in LINEAR:
            return 0.5
        if of.model in NETWORKS:
            return 0.97 if of.pairs >= 1000 else 0.6
        if of.penalty > 1e-8:
            return 0.92
        return 0.85 + 0.0001 * (min(of.nodes, 500) - 500) / 5
    if of.task == "rotation":
        return {"pixels": 0.6, "pairs": 0.83}.get(of.model, 0.85 if reservoirs else 0.52)
    if of.task == "same_or_different":
        return 0.99 if of.noisy == "same" and of.noise != "none" else 0.55
    return 0.7 if of.task == "combinations" else 0.1


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    """Six seeds of each cell of the paper tier."""
    first = [each for each in grid("paper") if each.seed == 0]
    return STUDY.table(ideal_row(each.replace(seed=seed)) for each in first for seed in range(6))


verdicts = functools.partial(verdicts_of, NAME)
JUDGES = {judge.__name__: judge for judge in CLAIMS}
NEVER_RUN = {"depth_maps"}


def test_on_the_ideal_table_every_claim_that_can_be_run_is_replicated(ideal: pd.DataFrame) -> None:
    found = {id: verdict for id, verdict in verdicts(ideal).items() if verdict != "replicated"}
    assert found == dict.fromkeys(NEVER_RUN, "not run")


def test_depth_maps_are_not_run_and_the_claim_says_why(ideal: pd.DataFrame) -> None:
    (claim,) = [each for each in claims_of(NAME, ideal) if each.id == "depth_maps"]
    assert claim.verdict == "not run"
    assert "not to be had" in claim.source


def test_without_cells_every_claim_is_not_run(ideal: pd.DataFrame) -> None:
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


def test_without_cifar10_its_claim_is_not_run_and_no_other_changes(ideal: pd.DataFrame) -> None:
    found = verdicts(ideal[ideal["data"] == "mnist"])
    assert found.pop("cifar10_too") == "not run"
    assert set(found.values()) == {"replicated", "not run"}
    assert {id for id, verdict in found.items() if verdict == "not run"} == NEVER_RUN


def test_one_seed_decides_nothing(ideal: pd.DataFrame) -> None:
    assert set(verdicts(ideal[ideal["seed"] == 0]).values()) == {"undecided", "not run"}


@pytest.mark.parametrize("claim", sorted(set(JUDGES) - NEVER_RUN))
def test_a_table_that_lacks_one_way_to_read_a_reservoir_decides_nothing_of_it(ideal: pd.DataFrame, claim: str) -> None:
    """What is said of every way is not said of those that happen to be there."""
    about = {each["name"] for each in JUDGES[claim](ideal).criteria}
    if any(way.replace(", ", "_") in name for way in WAYS for name in about):
        partial = ideal[(ideal["model"] != "joint") | (ideal["readout"] != "columns")]
        assert JUDGES[claim](partial).verdict == "not run"


def where(table: pd.DataFrame, rows: pd.Series, **values: Any) -> pd.DataFrame:
    """The table with other values in some rows, and shares of answers that go with them."""
    changed = table.copy()
    for column, value in values.items():
        changed.loc[rows, column] = value
    return changed


def five(table: pd.DataFrame, rows: pd.Series, recall: dict[str, float]) -> pd.DataFrame:
    """The table with these recalls in some rows of the five-way task, the rest taken for another relation."""
    rows = rows & (table["task"] == "five")
    changed = table.copy()
    for one, share in recall.items():
        wrong = "blurred" if one != "blurred" else "rotated"
        for other in FIVE:
            changed.loc[rows, confusion(one, other)] = share if other == one else (1 - share) * (other == wrong)
    mean = changed[[confusion(each, each) for each in FIVE]].mean(axis=1)
    changed.loc[rows, "seen_accuracy"] = changed.loc[rows, "seen_accuracy"] + (mean - changed["unseen_accuracy"])[rows]
    changed.loc[rows, "unseen_accuracy"] = mean[rows]
    return changed


def of(table: pd.DataFrame, **fields: Any) -> pd.Series:
    return functools.reduce(lambda kept, item: kept & (table[item[0]] == item[1]), fields.items(), table["seed"] >= 0)


def reservoirs(table: pd.DataFrame) -> pd.Series:
    return table["model"].isin(["differential", "joint"])


POOR = dict.fromkeys(FIVE, 0.3)
Change = Callable[[pd.DataFrame], pd.DataFrame]
BREAKS: dict[str, Change] = {
    "five_way_on_unseen": lambda t: five(t, of(t, experiment="readings") & reservoirs(t), POOR),
    "unseen_like_seen": lambda t: where(t, of(t, experiment="readings"), seen_accuracy=0.99),
    "ahead_of_linear": lambda t: five(t, of(t, model="pairs", penalty=10.0), dict.fromkeys(FIVE, 0.8)),
    "different_is_missed": lambda t: five(t, of(t, experiment="readings"), {"different": 0.9, "rotated": 0.4}),
    "readings_agree": lambda t: five(t, of(t, experiment="readings", noise="pixels") & reservoirs(t), POOR),
    "random_halves": lambda t: where(
        five(t, of(t, experiment="splits"), POOR), of(t, experiment="splits"), seen_accuracy=0.9
    ),
    "echo_state": lambda t: where(t, of(t, radius="square_root"), echo=0.5),
    "grows_with_nodes": lambda t: five(t, of(t, experiment="nodes", nodes=100) & reservoirs(t), POOR),
    "reported_accuracy": lambda t: five(t, of(t, experiment="nodes", nodes=1000), dict.fromkeys(FIVE, 0.98)),
    "few_pairs_suffice": lambda t: five(t, of(t, experiment="pairs", pairs=50), POOR),
    "penalty_helps_trajectories": lambda t: five(t, of(t, experiment="penalties"), POOR),
    "networks_catch_up": lambda t: five(t, (t["pairs"] >= 1000) & t["model"].isin(NETWORKS), POOR),
    "rotation_as_reported": lambda t: where(t, of(t, task="rotation"), unseen_accuracy=0.7),
    "linear_tells_rotation": lambda t: where(t, of(t, model="pairs", task="rotation"), unseen_accuracy=0.6),
    "siamese_collapses": lambda t: where(
        t, of(t, model="siamese", task="rotation"), unseen_accuracy=0.8, seen_accuracy=0.7
    ),
    "ahead_of_networks": lambda t: where(t, of(t, model="convolutional", task="rotation"), unseen_accuracy=0.95),
    "combinations_generalise": lambda t: where(
        t, of(t, task="combinations"), unseen_accuracy=0.3, seen_accuracy=0.6
    ),
    "combinations_do_not_compose": lambda t: where(t, of(t, task="composed"), unseen_accuracy=0.6),
    "noise_is_the_label": lambda t: where(t, of(t, task="same_or_different"), unseen_accuracy=0.8),
    "recalls_fall_without_the_cue": lambda t: five(t, of(t, experiment="noise"), {"same": 0.8, "different": 0.5}),
    "one_image_is_easier": lambda t: five(t, of(t, pairing="one_image"), POOR),
    "cifar10_too": lambda t: where(
        five(t, of(t, data="cifar10") & reservoirs(t), POOR), of(t, data="cifar10"), seen_accuracy=0.9
    ),
}  # fmt: skip
HALVES: dict[str, Change] = {
    "five_way_on_unseen": lambda t: five(t, of(t, experiment="readings", model="joint", readout="columns"), POOR),
    "siamese_collapses": lambda t: where(t, of(t, model="siamese", task="rotation"), unseen_accuracy=0.8),
    "noise_is_the_label": lambda t: where(t, of(t, task="same_or_different", noise="none"), unseen_accuracy=0.8),
    "cifar10_too": lambda t: where(t, of(t, data="cifar10"), seen_accuracy=0.99),
}


def possible(table: pd.DataFrame) -> None:
    """What holds in every table that this study's code can write."""
    t = table[table["status"] == "ok"]
    for part in ("train", "seen", "unseen"):
        assert t[f"{part}_accuracy"].between(0, 1).all()
    ways = t[t["task"] == "five"]
    for one in FIVE:
        np.testing.assert_allclose(ways[[confusion(one, other) for other in FIVE]].sum(axis=1), 1)
    recalls = ways[[confusion(each, each) for each in FIVE]].mean(axis=1)
    np.testing.assert_allclose(recalls, ways["unseen_accuracy"])
    assert t.loc[reservoirs(t), ["echo", "spectral_radius"]].notna().all(axis=None)


@pytest.mark.parametrize("claim", BREAKS)
def test_each_claim_fails_on_a_possible_table_that_contradicts_it(ideal: pd.DataFrame, claim: str) -> None:
    possible(ideal)
    broken = BREAKS[claim](ideal)
    possible(broken)
    assert JUDGES[claim](broken).verdict == "not replicated"


@pytest.mark.parametrize("claim", HALVES)
def test_half_of_a_claim_is_partly_replicated(ideal: pd.DataFrame, claim: str) -> None:
    half = HALVES[claim](ideal)
    possible(half)
    assert JUDGES[claim](half).verdict == "partly"


def test_every_claim_that_can_be_run_has_a_table_that_breaks_it() -> None:
    assert set(JUDGES) - NEVER_RUN == set(BREAKS)


def test_the_smoke_tier_runs_every_model_task_and_reading() -> None:
    kept = STUDY.table(each.row(status="ok") for each in grid("smoke"))
    for name in ("model", "task", "readout", "radius", "noise", "noisy", "pairing", "split", "difference"):
        kind = Cell.model_fields[name].annotation
        assert set(kept[name]) == set(kind.__args__), name  # type: ignore[union-attr]


# ---------------------------------------------------------------- figures


def test_every_claim_s_figure_draws_its_cells(ideal: pd.DataFrame) -> None:
    cells = {figure.name: figure.keys for figure in figures_of(NAME, ideal)}
    for claim in claims_of(NAME, ideal):
        assert not claim.figure or claim.keys <= cells[claim.figure], claim.id


def test_no_scope_or_caption_counts_fields_that_a_model_does_not_have(ideal: pd.DataFrame) -> None:
    """A network's cells have 1,000 nodes, the default; linear models 600 steps."""
    small = pd.concat([ideal[~reservoirs(ideal)], where(ideal, reservoirs(ideal), nodes=200)[reservoirs(ideal)]])
    said = [each.scope for each in claims_of(NAME, small)] + [each.caption for each in figures_of(NAME, small)]
    assert any("nodes = 200" in text for text in said)
    assert not [text for text in said if "nodes = 200 to" in text]


def test_figures_without_rows_say_so(ideal: pd.DataFrame) -> None:
    for figure in figures_of(NAME, ideal.iloc[:0]):
        assert "not run" in plots.draw(figure).axes[0].texts[0].get_text()


def test_the_best_linear_baseline_is_what_is_drawn(ideal: pd.DataFrame) -> None:
    better = where(
        ideal, of(ideal, experiment="pairs", model="pixels", penalty=10.0, difference="absolute"), unseen_accuracy=0.7
    )
    (drawn,) = [figure for figure in figures_of(NAME, better) if figure.name == "pairs"]
    found = drawn.numbers[drawn.numbers["series"].str.startswith("best linear")]
    assert found["mean"].to_numpy() == pytest.approx(0.7)


def test_the_generators_of_two_roles_are_not_one() -> None:
    one, other = (
        seeds.generator(NAME, role, 0, part="train", relation="", data="mnist") for role in ("images", "noise")
    )
    assert one.random() != other.random()
