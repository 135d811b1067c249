"""docs/story.md's made part: the flagship paper item by item, with the claims that judge it and their figures."""

from __future__ import annotations

from typing import Any

from benign.pipeline.pages import tiers
from benign.pipeline.pages.claims import entry
from benign.pipeline.pages.templating import render

# What the paper states or shows: the study whose claims judge it, and these.
ITEMS = {
    "Thm 3.1: robust interpolation, wrong labels included": (
        "adversarial_training",
        ("robust_interpolation", "robust_loss_vanishes"),
    ),
    "Thm 3.1: clean test error near β": ("adversarial_training", ("clean_error_near_floor", "one_constant")),
    "Thm 3.1: robust test error near β": ("adversarial_training", ("robust_error_near_floor",)),
    "Thm 3.1: the same, by certificates instead of attacks": (
        "certified_brackets",
        ("certified_benign", "training_certified"),
    ),
    "Thm 3.1: a smaller budget where activations have a kink [review]": (
        "adversarial_training",
        ("non_smooth_budget_smaller",),
    ),
    "Thm 3.1: each of its assumptions": (
        "assumption_ledger",
        ("signal_needed", "flip_rate_limited", "few_points_suffice", "correlated_noise_harmful"),
    ),
    "Thm 3.1: d ≥ C n² log n among them": ("adversarial_training", ("crowding_decides", "dimension_drops_out")),
    "Thm 3.2: the floor, and 1/2 from α = ‖μ‖ on": (
        "adversarial_training",
        ("above_bayes_floor", "fails_beyond_signal"),
    ),
    "Figure 2: over the dimension": ("adversarial_training", ("falls_with_dimension", "cliff")),
    "Figure 3: over the signal": ("adversarial_training", ("bracketed",)),
    "Figure 4: over α/‖μ‖, and its transition": ("adversarial_training", ("transition_location",)),
    "Does ordinary training do the same? [review]": (
        "adversarial_training",
        ("ordinary_same_at_small_budget", "adversarial_helps"),
    ),
    "PGD-20 for the inner maximum": ("adversarial_training", ("pgd_like_exact", "inner_maximum_stationary")),
    "MNIST 0 v 1, true labels": ("adversarial_training", ("mnist_clean_labels", "mnist_unit_norm")),
    "MNIST 0 v 1 with wrong labels (not in the paper)": ("adversarial_training", ("mnist_noisy_labels",)),
}
DRAWN = {"Figure 3: over the signal": ("signal",)}  # figures beside those that the claims name


def crosswalk(run: tiers.Run) -> str:
    """A row for each item; KeyError for a claim that `run` does not have."""
    found = {(claim["study"], claim["id"]): claim for claim in run.claims}
    items = [item(words, study, [found[study, name] for name in names]) for words, (study, names) in ITEMS.items()]
    return render("story_crosswalk.md", items=items, run=run)


def item(words: str, study: str, claims: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of the crosswalk."""
    names = dict.fromkeys([*DRAWN.get(words, ()), *(claim["figure"] for claim in claims)])
    figures = [{"study": study, "name": name} for name in names if name]
    return {"words": words, "study": study, "claims": [entry(claim) for claim in claims], "figures": figures}
