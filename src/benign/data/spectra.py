"""Spectra of covariances for linear regression: what makes overfitting benign, or not, is in their tails.

Bartlett, Long, Lugosi, Tsigler 2020, Theorem 6, has `power_log` (benign), `power` and `exponential` (not), and
`exponential_floor` (benign); a few spikes over a flat tail are the simplest benign one [ours].
All are (p,), decreasing, with λ₁ about 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _spiked(p: int, decay: float, tail: float) -> Floats:
    """`decay` unit spikes (a whole number), the other eigenvalues equal with sum `tail`."""
    spikes = int(decay)
    return np.append(np.ones(spikes), np.full(p - spikes, tail / (p - spikes)))


def _power(p: int, decay: float, tail: float) -> Floats:
    """i^(-decay)."""
    return np.arange(1.0, p + 1) ** -decay


def _power_log(p: int, decay: float, tail: float) -> Floats:
    """i^(-1)·(1 + ln i)^(-decay): the one power that is benign in infinite dimension, for decay > 1."""
    i = np.arange(1.0, p + 1)
    return (1 + np.log(i)) ** -decay / i


def _exponential(p: int, decay: float, tail: float) -> Floats:
    """exp(-(i-1)/decay)."""
    return np.exp(-np.arange(p) / decay)


def _exponential_floor(p: int, decay: float, tail: float) -> Floats:
    """exp(-(i-1)/decay) + tail/p."""
    return _exponential(p, decay, tail) + tail / p


def _isotropic(p: int, decay: float, tail: float) -> Floats:
    """1."""
    return np.ones(p)


Spectrum = Literal["spiked", "power", "power_log", "exponential", "exponential_floor", "isotropic"]
SPECTRA: dict[Spectrum, Callable[[int, float, float], Floats]] = {
    "spiked": _spiked,
    "power": _power,
    "power_log": _power_log,
    "exponential": _exponential,
    "exponential_floor": _exponential_floor,
    "isotropic": _isotropic,
}


def spectrum(name: Spectrum, p: int, decay: float, tail: float) -> Floats:
    """The eigenvalues (p,) of the spectrum `name`; decay and tail as its function says, ignored where it says
    nothing.
    """
    return SPECTRA[name](p, decay, tail)
