"""The flagship's figures.

Points are networks that were trained and attacked; lines are theory, from benign.theory on dense axes.
Letters: d dimension, ‖μ‖ signal, α budget, β flip rate, γ slope of the activation, ρ = ⟨μ, v⟩/‖v‖ alignment, t steps.
"""

from __future__ import annotations

import pandas as pd

from benign.claims import of_experiments
from benign.plots import Figure
from benign.studies.adversarial_training.figures.boundary import boundary
from benign.studies.adversarial_training.figures.film import film
from benign.studies.adversarial_training.figures.mnist import mnist, mnist_unit_norm
from benign.studies.adversarial_training.figures.story import story
from benign.studies.adversarial_training.figures.sweeps import budget, dimension, plane, regime, signal
from benign.studies.adversarial_training.figures.theories import collapse, needed_constant, recursion
from benign.studies.adversarial_training.figures.training import chosen, gain, learning_curves, neighbour
from benign.studies.adversarial_training.figures.universality import clock, phases, table_of_h, theories, universality
from benign.studies.adversarial_training.rows import SWEEPS, adversarial, described


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    table = described(table)
    swept = adversarial(table, *SWEEPS, "random")
    return [
        story(table),
        dimension(of_experiments(table, "dimension")),
        signal(of_experiments(table, "signal")),
        budget(of_experiments(table, "budget")),
        regime(of_experiments(table, "regime")),
        plane(adversarial(table, "dimension", "signal", "regime")),
        gain(of_experiments(table, "dimension", "budget")),
        learning_curves(of_experiments(table, "curves")),
        boundary(of_experiments(table, "boundary")),
        film(of_experiments(table, "boundary")),
        neighbour(of_experiments(table, "neighbour")),
        mnist(of_experiments(table, "mnist_side", "mnist_budget")),
        mnist_unit_norm(of_experiments(table, "mnist_house")),
        chosen(table),
        universality(table),
        phases(table),
        table_of_h(table),
        theories(table),
        clock(table),
        recursion(of_experiments(table, "random")),
        collapse(swept),
        needed_constant(swept),
    ]
