"""Interrupted and resumed equals uninterrupted, bit for bit; nothing doubtful is ever resumed."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from benign.attack.inner import InnerMaximisation
from benign.data import clusters
from benign.nets.two_layer import Activation, symmetric
from benign.train import device
from benign.train.checkpoints import Checkpoints
from benign.train.gradient_descent import Problem, train


def problem(seed: int, budget: float = 1.0) -> Problem:
    rng = np.random.default_rng(seed)
    labels = clusters.draw_labels(12, 0.1, rng)
    k = clusters.subspace_dimension(500, 12 + 8)
    x = clusters.points_in_law(labels, 500, 4.0, k, rng)
    w0 = clusters.noise_in_law(500, 12, 8, k, rng) * 1e-4
    values = [torch.tensor(v, dtype=torch.float32) for v in (x, labels.observed, w0)]
    return Problem(f"p{seed}", values[0], values[1], symmetric(values[2]), Activation("leaky_relu", 0.1), budget, 0.05)


class Killed(Exception):
    pass


class KilledAfter(Checkpoints):
    """Saves at every step and dies after a number of saves."""

    def __init__(self, folder, saves):
        super().__init__(folder, "code", every_seconds=0.0)
        self.saves = saves

    def save(self, *args):
        super().save(*args)
        self.saves -= 1
        if not self.saves:
            raise Killed


@pytest.mark.parametrize("budget", [1.0, 0.0])
@pytest.mark.parametrize("large", [0, 10**12], ids=["one by one", "in batches"])
@pytest.mark.parametrize("saves", [2, 10, 58, 60, 98])
def test_killed_and_resumed_equals_uninterrupted(tmp_path, monkeypatch, saves, large, budget):
    monkeypatch.setattr(device, "CPU", dataclasses.replace(device.CPU, alone_from=large))
    problems = [problem(0, budget), problem(1, budget)]
    whole = list(train(problems, [30, 60], InnerMaximisation()))
    with pytest.raises(Killed):
        list(train(problems, [30, 60], InnerMaximisation(), KilledAfter(tmp_path, saves)))
    again = Checkpoints(tmp_path, "code")
    steps = {again.step(p.name) for p in problems}
    assert steps == {saves // 2}
    resumed = list(train(problems, [30, 60], InnerMaximisation(), again))
    for before, after in zip(whole[-len(resumed) :], resumed, strict=True):
        assert before.steps == after.steps
        for name in ("weights", "perturbation", "gap", "evaluations"):
            assert torch.equal(getattr(before, name), getattr(after, name))


def test_a_kill_between_two_files_of_a_batch_is_refused_until_batched_by_step(tmp_path):
    problems = [problem(0), problem(1)]
    with pytest.raises(Killed):
        list(train(problems, [9], InnerMaximisation(), KilledAfter(tmp_path, 5)))
    again = Checkpoints(tmp_path, "code")
    assert [again.step(p.name) for p in problems] == [3, 2]
    with pytest.raises(ValueError, match=r"Checkpoints\.step"):
        list(train(problems, [9], InnerMaximisation(), again))


def test_a_checkpoint_of_other_code_is_not_resumed(tmp_path):
    Checkpoints(tmp_path, "old").save("p0", 5, {"w": torch.ones(3)})
    with pytest.warns(UserWarning, match="another version of the code"):
        assert Checkpoints(tmp_path, "new").load("p0") is None


def test_a_damaged_or_hostile_checkpoint_is_never_unpickled(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was executed",))

    (tmp_path / "p0.safetensors").write_bytes(pickle.dumps(Hostile()))
    with pytest.warns(UserWarning, match="starts over"):
        assert Checkpoints(tmp_path, "code").load("p0") is None


def test_a_full_disk_leaves_the_old_checkpoint_and_no_scraps(tmp_path, monkeypatch):
    store = Checkpoints(tmp_path, "code")
    store.save("p0", 5, {"w": torch.ones(3)})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.save("p0", 6, {"w": torch.zeros(3)})
    assert [p.name for p in tmp_path.iterdir()] == ["p0.safetensors"]
    assert store.load("p0")[0] == 5
