"""The flagship's cells and rows: keys, grouping, common random numbers, resuming, agreement with the theory quoted."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from scipy.stats import norm

import oracle
from benign.data.images import sources
from benign.experiments.noisy_clusters import courses
from benign.experiments.noisy_clusters.draw import sample
from benign.experiments.noisy_clusters.fit import networks
from benign.experiments.noisy_clusters.measure import measure, misaligned
from benign.experiments.noisy_clusters.setting import USUAL
from benign.pipeline import settings
from benign.studies.adversarial_training.experiment import report, run
from benign.studies.adversarial_training.grid import STUDY, Cell
from benign.study import CellError, Context, slice_of
from benign.theory.mixture import four_group, gaussian
from benign.train.checkpoints import Checkpoints

SMALL = {
    "d": 2000, "signal": 6, "n": 30, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1, "curvature": 10,
    "width": 20, "init_scale": 1e-3, "step_scale": 2, "steps": 60, "budget": 1, "test_points": 200, "seed": 0,
}  # fmt: skip
STARTS = ("paired", "unpaired", "iid")
CONTEXT = Context("adversarial_training")


def cell(**changes) -> Cell:
    return Cell(**{**SMALL, **changes})


def rows(*some: Cell, context: Context = CONTEXT) -> dict[str, dict]:
    torch.set_num_threads(1)
    return {row["key"]: row for row in run(list(some), context)}


def test_a_key_is_the_same_for_two_ways_of_writing_a_number():
    assert cell(signal=6).key == cell(signal=6.0).key == cell(signal="6").key


def test_fields_that_do_not_matter_do_not_make_a_new_cell():
    assert cell(curvature=1).key == cell(curvature=7).key
    assert cell(activation="relu", slope=0.3).key == cell(activation="relu", slope=0.9).key
    assert cell(training="ordinary", inner="pgd").key == cell(training="ordinary").key
    assert cell(data="mnist", side=7, d=3, signal=9).key == cell(data="mnist", side=7).key


def test_cells_that_share_a_training_share_a_slice():
    assert len({cell(steps=s).group for s in (1, 10, 60)}) == 1
    assert len({cell(training="ordinary", budget=b).group for b in (0, 1, 2)}) == 1
    assert cell(budget=1).group != cell(budget=2).group
    assert slice_of(cell(steps=1), 7) == slice_of(cell(steps=60), 7)


def test_a_sample_with_most_labels_flipped_has_a_row_but_no_recursion_of_its_own():
    found = {seed: rows(cell(n=5, flip_rate=0.5, seed=seed)) for seed in range(8)}
    for row in (row for each in found.values() for row in each.values()):
        assert row["status"] == "ok"
        assert ("two_group_sample_rho" in row) == ("four_group_sample_rho" in row) == (row["flipped"] <= 0.5)
        assert np.isfinite(row["four_group_rho"])
    assert {row["flipped"] > 0.5 for each in found.values() for row in each.values()} == {True, False}


@pytest.mark.parametrize("study", ["adversarial_training", "certified_brackets", "assumption_ledger"])
def test_the_usual_values_are_those_of_the_grids(study):
    common = settings.section(settings.grid_file(study), study, "default")["grid"]["common"]
    assert {name: common[name] for name in USUAL} == USUAL


def test_growing_a_grid_changes_no_existing_cell():
    grid = {
        "common": {k: v for k, v in SMALL.items() if k != "seed"},
        "seeds": 2,
        "experiments": {"budget": [{"budget": [0, 1]}]},
    }
    before = {c.key for c in STUDY.cells(grid)}
    grid["experiments"]["budget"][0]["budget"].insert(0, 0.5)
    grid["seeds"] = 3
    after = {c.key for c in STUDY.cells(grid)}
    assert len(before) == 4
    assert len(after) == 9
    assert before < after


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 0), ("flip_rate", 0.6), ("budget", -1), ("d", 0), ("width", 7), ("slope", 1.5), ("steps", 0),
        ("curvature", 0), ("activation", "tanh"), ("training", "free"), ("budget", "inf"), ("signal", "nan"),
        ("step_scale", "fast"), ("n", 2.5), ("noise", "cauchy"), ("data", "svhn"),
    ],
)  # fmt: skip
def test_impossible_values_are_refused_by_name(field, value):
    with pytest.raises(CellError, match=f"{field}="):
        cell(**{field: value})


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(CellError, match=r"unknown name 'widht'.*width"):
        STUDY.single({"widht": "10"}, {"common": SMALL})


def test_heavy_tailed_noise_cannot_be_drawn_in_law():
    with pytest.raises(CellError, match="sampling=dense"):
        cell(noise="student_t")


def test_one_row_per_cell_with_every_field_and_every_result():
    found = rows(cell(), cell(steps=10), cell(training="ordinary", budget=0.5), cell(training="ordinary", budget=1.5))
    assert len(found) == 4
    assert len({tuple(row) for row in found.values()}) == 1
    for row in found.values():
        assert row["status"] == "ok"
        for name in ("clean_test_error", "robust_test_error", "robust_train_error"):
            assert 0 <= row[name] <= 1
        assert row["robust_test_error"] >= row["clean_test_error"]


def test_a_row_does_not_depend_on_what_is_run_beside_it():
    some = [cell(seed=s, budget=b) for s in (0, 1) for b in (0.5, 1.0, 2.0)] + [cell(steps=20, budget=1.0)]
    together = rows(*some)
    for one in some:
        assert rows(one)[one.key] == together[one.key]


def test_dense_and_in_law_sampling_agree_in_distribution():
    """Two samplings of one law: means over seeds within three standard errors."""
    some = [cell(sampling=s, d=400, seed=i, steps=200) for s in ("in_law", "dense") for i in range(12)]
    found = list(rows(*some).values())
    for name in ("rho", "robust_test_error", "robust_train_loss"):
        a, b = (np.array([r[name] for r in found if r["sampling"] == s]) for s in ("in_law", "dense"))
        assert abs(a.mean() - b.mean()) < 3 * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 12)


def test_budgets_are_compared_on_the_same_points():
    a, b = (sample(cell(budget=x), CONTEXT) for x in (0.5, 2.0))
    assert torch.equal(a.problem.x, b.problem.x)
    assert torch.equal(a.problem.w0, b.problem.w0)
    assert torch.equal(a.test_x, b.test_x)
    assert torch.equal(a.test_observed, b.test_observed)


def test_replicates_differ():
    a, b = (sample(cell(seed=s), CONTEXT) for s in (0, 1))
    assert not torch.equal(a.problem.x, b.problem.x)
    assert not torch.equal(a.problem.w0, b.problem.w0)


def test_the_network_starts_at_zero_output():
    drawn = sample(cell(), CONTEXT)
    half = len(drawn.problem.w0) // 2
    assert torch.equal(drawn.problem.w0[:half], drawn.problem.w0[half:])


@pytest.mark.parametrize("sampling", ["in_law", "dense", "limit"])
def test_unpaired_starts_draw_every_row_and_begin_with_the_rows_of_the_paired_one(sampling):
    paired, unpaired, iid = (sample(cell(sampling=sampling, start=start), CONTEXT) for start in STARTS)
    half = SMALL["width"] // 2
    for drawn in (unpaired, iid):
        w0 = drawn.problem.w0
        assert w0.shape == (2 * half, drawn.problem.x.shape[1])
        assert torch.linalg.matrix_rank(w0.double() * 1e3) == 2 * half
        torch.testing.assert_close(w0[:half].norm(dim=1), paired.problem.w0[:half].norm(dim=1))
        torch.testing.assert_close(w0[:half] @ drawn.problem.x.T, paired.problem.w0[:half] @ paired.problem.x.T)
    assert torch.equal(unpaired.problem.w0, iid.problem.w0)
    assert paired.problem.positive is unpaired.problem.positive is None


def test_a_row_of_a_start_is_as_long_as_its_scale_says():
    """σ√d: the coordinates of the subspace hold all of every row, not its shadow."""
    for sampling, start in itertools.product(["in_law", "dense"], STARTS):
        lengths = sample(cell(sampling=sampling, start=start, d=10_000), CONTEXT).problem.w0.norm(dim=1)
        torch.testing.assert_close(lengths, torch.full_like(lengths, 1e-3), rtol=0.05, atol=0)


def test_independent_signs_are_binomial():
    counts = [sample(cell(start="iid", n=2, d=10, seed=seed), CONTEXT).problem.positive for seed in range(200)]
    assert np.mean(counts) == pytest.approx(10, abs=4 * np.sqrt(5 / 200))
    assert np.var(counts) == pytest.approx(5, abs=4 * 5 * np.sqrt(2 / 200))


@pytest.mark.parametrize("start", ["paired", "unpaired", "iid"])
def test_a_setting_trains_from_its_start_as_the_oracle_does(start):
    one = cell(start=start, n=8, width=8, d=300, steps=15, budget=1.5, init_scale=1.0)
    (network,) = networks([one], CONTEXT)
    problem = network.drawn.problem
    x, y, w0 = (t.double() for t in (problem.x, problem.y, problem.w0))
    w, _ = oracle.train(
        x, y, w0, ("leaky_relu", 0.1, 1.0), 1.5, problem.step_size, 15, "exact", positive=problem.positive
    )
    torch.testing.assert_close(network.weights.double(), w, rtol=1e-4, atol=1e-5)


def test_starts_are_trained_in_one_batch_and_each_row_is_what_it_is_alone():
    some = [cell(start=start, seed=seed) for start in STARTS for seed in (0, 1)]
    together = rows(*some)
    assert all(rows(one)[one.key] == together[one.key] for one in some)


def test_a_network_is_measured_with_its_own_signs():
    """Neurons along μ that are all positive are the best half-space; all negative they are wrong everywhere."""
    setting = cell(start="iid", flip_rate=0, signal=20, test_points=400)
    drawn = sample(setting, CONTEXT)
    w = drawn.mean.expand(20, -1)
    found = {}
    for positive in (20, 0):
        same = dataclasses.replace(drawn, problem=dataclasses.replace(drawn.problem, positive=positive))
        found[positive] = measure(setting, same, w)
    for error in ("clean_train_error", "robust_train_error", "clean_test_error", "robust_test_error"):
        assert (found[20][error], found[0][error]) == (0, 1)
    assert found[20]["rho"] == pytest.approx(20, rel=1e-6) == -found[0]["rho"]


def test_misaligned_is_the_larger_share_of_the_neurons_of_one_sign_that_point_at_the_other_cluster():
    drawn = sample(cell(start="iid", width=9), CONTEXT)
    along = np.array([1, 2, -1, 3, 2, 1, 4, -5, 3.0])  # of six positive neurons one, of three negative ones two
    w = torch.tensor(along[:, None], dtype=torch.float32) * drawn.mean
    six = dataclasses.replace(drawn, problem=dataclasses.replace(drawn.problem, positive=6))
    assert misaligned(six, w) == pytest.approx(2 / 3)
    assert misaligned(six, -w) == pytest.approx(5 / 6)
    everyone = dataclasses.replace(drawn, problem=dataclasses.replace(drawn.problem, positive=9))
    assert misaligned(everyone, w) == pytest.approx(2 / 9)


def test_where_the_boundary_bends_each_cluster_has_a_half_space_of_its_own():
    """f(x) = ⟨∇f(x), x⟩ for a leaky ReLU, so a cluster's robust error is Φ(α - ρ) with its own ρ.

    All wrong labels lie in one cluster; at r = 8 it has much the smaller ρ, and one ρ for both clusters is far off.
    """
    one = cell(d=40_000, n=60, width=60, signal=73, budget=0.3 * 73, steps=1000, test_points=1000)
    drawn = sample(one, CONTEXT)
    y = drawn.train_clean.clone()
    y[torch.nonzero(y > 0)[:9]] = -1
    bent = dataclasses.replace(drawn, problem=dataclasses.replace(drawn.problem, y=y))
    (network,) = networks([one], CONTEXT, lambda setting, context: bent)
    found = measure(one, bent, network.weights)
    own = {sign: norm.cdf(one.budget - found[f"rho_{name}"]) for sign, name in ((1, "positive"), (-1, "negative"))}
    expected = np.mean([own[int(sign)] for sign in drawn.test_clean])
    assert found["robust_test_error_clean_labels"] == pytest.approx(expected, abs=0.02)
    assert found["robust_test_error_clean_labels"] > norm.cdf(one.budget - found["rho"]) + 0.4
    assert found["rho_positive"] < 0.6 * found["rho_negative"]


def test_far_above_r_of_1_neurons_of_a_sign_go_over_to_the_other_cluster_for_its_wrong_labels():
    """At r = 96 and β = .2; at r = .2 and β = .1 none does, for a point's own noise is enough to fit it."""
    few = [cell(signal=4, budget=1.2, flips="exact", seed=seed) for seed in range(4)]
    many = [cell(signal=80, budget=24, flip_rate=0.2, flips="exact", seed=seed) for seed in range(4)]
    found = rows(*few, *many)
    assert all(found[one.key]["misaligned"] == 0 for one in few)
    assert all(found[one.key]["misaligned"] > 0 for one in many)


def test_interrupted_between_rows_and_resumed_gives_the_same_rows(tmp_path):
    some = [cell(steps=s) for s in (10, 30, 60)]
    whole = rows(*some)
    context = dataclasses.replace(CONTEXT, checkpoints=Checkpoints(tmp_path, "code", every_seconds=0))
    first = next(iter(run(some, context)))
    rest = [c for c in some if c.key != first["key"]]
    resumed = {first["key"]: first, **rows(*rest, context=context)}
    assert resumed == whole
    assert not list(tmp_path.iterdir())


def test_a_run_left_half_way_leaves_torch_as_it_was():
    iterator = run([cell(steps=5), cell(steps=6)], CONTEXT)
    next(iterator)
    assert not torch.is_inference_mode_enabled()


def test_a_checkpoint_beyond_a_lost_row_does_not_lose_the_row(tmp_path):
    some = [cell(steps=s) for s in (10, 30)]
    context = dataclasses.replace(CONTEXT, checkpoints=Checkpoints(tmp_path, "code", every_seconds=0))
    iterator = run(some, context)
    rows_seen = [next(iterator), next(iterator)]  # the checkpoint now stands at step 30
    assert [r["steps"] for r in rows_seen] == [10, 30]
    assert rows(some[0], context=context) == {some[0].key: rows_seen[0]}


def test_the_trained_network_follows_the_two_group_recursion():
    row = rows(cell(d=40_000, n=60, width=100, signal=10, steps=300))[
        cell(d=40_000, n=60, width=100, signal=10, steps=300).key
    ]
    assert row["rho"] == pytest.approx(row["two_group_rho"], rel=0.06)
    assert row["robust_train_error"] == 0
    assert row["linear_max_margin_rho"] < row["two_group_rho"] < row["averaging_rho"]


def test_where_r_is_large_only_the_four_group_recursion_is_right():
    one = cell(d=100_000, n=100, width=100, signal=64, budget=16, steps=300)  # r = 4
    row = rows(one)[one.key]
    assert row["four_group_sample_rho"] == pytest.approx(row["rho"], rel=0.05)
    assert row["two_group_sample_rho"] > 1.15 * row["rho"]
    assert row["four_group_error"] == pytest.approx(gaussian.half_space_error(16, row["four_group_rho"], 0.1))


def test_the_sample_s_own_recursion_counts_the_labels_that_are_trained_on():
    one = cell(training="ordinary", steps=20)
    drawn = sample(one, CONTEXT)
    groups = four_group.sizes_of(drawn.train_clean.numpy(), drawn.problem.y.numpy())
    step = one.step_scale * one.n / (one.d + one.signal**2)
    path = four_group.trajectory(groups, one.d, one.signal, one.slope, 0.0, step, one.steps)
    assert rows(one)[one.key]["four_group_sample_rho"] == pytest.approx(path.rho[-1], rel=1e-12)


def test_one_problem_s_recursion_is_run_once_and_all_of_a_slice_together(monkeypatch):
    batches = []

    def counted(groups, *rest):
        batches.append(len(groups))
        return trajectory(groups, *rest)

    trajectory = four_group.trajectory
    monkeypatch.setattr(four_group, "trajectory", counted)
    some = [cell(steps=steps, width=width, seed=seed) for steps in (1, 5, 9) for width in (10, 20) for seed in (0, 1)]
    found = courses.courses(some, CONTEXT)
    assert batches == [3]  # the nominal one and the samples of two seeds; neither width nor earlier looks add to them
    for one in some:
        assert courses.courses([one], CONTEXT)[one.key] == found[one.key]


def test_a_slice_too_large_for_one_batch_has_the_same_recursions(monkeypatch):
    some = [cell(steps=steps, seed=seed) for steps in (5, 9) for seed in range(5)]
    whole = courses.courses(some, CONTEXT)
    monkeypatch.setattr(courses, "MOST", 20)
    assert courses.courses(some, CONTEXT) == whole


def test_a_cell_that_diverges_is_a_row_that_says_so():
    bad, good = cell(budget=1e30, activation="smooth_leaky_relu"), cell()
    found = rows(bad, good)
    assert found[bad.key]["status"] == "diverged"
    assert "robust_test_error" not in found[bad.key]
    assert found[good.key]["status"] == "ok"


def test_images_of_unit_norm_are_cells_of_their_own_and_clusters_have_no_pixels():
    mnist = {"data": "mnist", "side": 7, "test_points": 0}
    assert cell(**mnist, pixels="unit_norm").key != cell(**mnist).key == cell(**mnist, pixels="standardised").key
    assert cell(pixels="unit_norm").key == cell().key


def test_a_network_on_images_of_unit_norm_has_its_step_and_its_budget_in_their_unit():
    """η = c·n/E‖x‖² with ‖x‖ = 1, and the attack moves an image by α of its own length."""
    images = sources.mnist_sample()
    context = dataclasses.replace(CONTEXT, images=lambda name: images)
    one = cell(data="mnist", side=7, pixels="unit_norm", step_scale=0.01, budget=0.2, test_points=0)
    drawn = sample(one, context)
    assert drawn.problem.step_size == pytest.approx(0.01 * 30)
    assert drawn.problem.budget == 0.2
    torch.testing.assert_close(drawn.problem.x.norm(dim=1), torch.ones(30))
    row = rows(one, context=context)[one.key]
    assert row["mean_norm"] == pytest.approx(0.4, abs=0.05)
    assert row["clean_test_error_clean_labels"] < 0.05
    assert "two_group_rho" not in row


def test_a_share_of_the_root_of_d_is_no_budget_for_images_of_unit_norm():
    block = {"data": "mnist", "side": [7], "pixels": "unit_norm", "budget_ratio": 0.1}
    grid = {"common": {k: v for k, v in SMALL.items() if k != "seed"}, "seeds": 1, "experiments": {"house": [block]}}
    with pytest.raises(CellError, match=r"budget_ratio=0\.1 .*pixels=unit_norm: give budget"):
        STUDY.cells(grid)


def test_images_that_were_not_given_are_asked_for():
    with pytest.raises(CellError, match="--images mnist=FILE"):
        rows(cell(data="mnist", side=7, test_points=0))


def test_a_report_gives_every_error_its_interval():
    told = report(next(iter(rows(cell()).values())))
    for name in ("robust_train_loss", "robust_train_error", "clean_test_error", "robust_test_error"):
        low, high = told[f"{name}_interval"]
        assert low <= told[name] <= high
    recursions = {"two_group_recursion", "four_group_recursion"}
    assert set(told["predictions"]) == {"floor", "averaging", "max_margin"} | recursions
