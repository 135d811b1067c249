"""The code of quantised networks is a prefix code that is read back exactly, and its bound is right."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benign.theory.compression.hypothesis_bound import countable_hypothesis_bound
from benign.theory.compression.hypothesis_code import (
    CodeError,
    Hypothesis,
    arrangements,
    decode,
    elias_gamma,
    encode,
    rank,
    unrank,
)

codes = st.lists(st.integers(-6, 6), min_size=1, max_size=40)


@given(codes=codes, seed=st.integers(0, 10**6), spacing=st.floats(2**-10, 100, width=16))
def test_what_is_decoded_is_what_was_encoded(codes: list[int], seed: int, spacing: float) -> None:
    message = encode(Hypothesis(seed, spacing, np.array(codes)))
    back = decode(message)
    assert (back.seed, back.spacing, back.codes.tolist()) == (seed, spacing, codes)


@given(codes=codes, others=codes)
def test_no_message_begins_another(codes: list[int], others: list[int]) -> None:
    first, second = (encode(Hypothesis(0, 0.5, np.array(some))) for some in (codes, others))
    assert codes == others or not second.startswith(first)


def test_kraft_s_sum_of_all_short_messages_is_at_most_one() -> None:
    pairs = [(a, b) for a in range(-3, 4) for b in (-1, 0, 1)]
    whole = [encode(Hypothesis(seed, 0.5, np.array(pair))) for seed in range(4) for pair in pairs]
    assert len(set(whole)) == len(whole)
    assert sum(2.0 ** -len(message) for message in whole) <= 1


@pytest.mark.parametrize("damage", [lambda m: m[:-1], lambda m: m + "0", lambda m: "", lambda m: "x" + m[1:]])
def test_a_damaged_message_is_refused(damage) -> None:
    with pytest.raises(CodeError):
        decode(damage(encode(Hypothesis(3, 0.25, np.array([1, -2, 0, 0, 1])))))


def test_a_spacing_that_is_no_float16_is_refused() -> None:
    with pytest.raises(ValueError, match="float16"):
        encode(Hypothesis(0, 0.1, np.array([1])))


def test_the_rank_counts_sequences_in_lexicographic_order() -> None:
    sequences = sorted(set(permutations([0, 0, 1, 2, 2])))
    assert arrangements([2, 1, 2]) == len(sequences) == 30
    for place, symbols in enumerate(sequences):
        assert rank(symbols, [2, 1, 2]) == (place, 30)
        assert tuple(unrank(place, [2, 1, 2])) == symbols


def test_a_long_message_costs_about_its_empirical_entropy() -> None:
    rng = np.random.default_rng(0)
    symbols = rng.choice([-1, 0, 1], 400, p=[0.2, 0.7, 0.1])
    shares = np.unique(symbols, return_counts=True)[1] / len(symbols)
    entropy = -len(symbols) * (shares * np.log2(shares)).sum()
    assert entropy - 15 <= len(encode(Hypothesis(0, 0.5, symbols))) <= entropy + 90


def test_elias_gamma_has_twice_the_logarithm_and_one_bits() -> None:
    assert [elias_gamma(value) for value in (1, 2, 5)] == ["1", "010", "00101"]


def test_the_bound_is_hoeffding_s_with_each_hypothesis_its_share_of_delta() -> None:
    # P(R - R̂ ≥ ε) ≤ exp(-2nε²), and δ·2^-K for a hypothesis of K bits.
    bound = countable_hypothesis_bound(0.1, 20, 500, 0.05)
    assert math.exp(-2 * 500 * (bound - 0.1) ** 2) == pytest.approx(0.05 * 2**-20)


def test_the_bound_fails_no_more_often_than_it_says_when_the_best_of_many_is_chosen() -> None:
    rng = np.random.default_rng(1)
    n, k, delta = 200, 6, 0.2  # 64 hypotheses, all of risk 1/2: the one with the least training error is taken
    least = rng.binomial(n, 0.5, (4000, 2**k)).min(axis=1) / n
    failures = np.mean([countable_hypothesis_bound(r, k, n, delta) < 0.5 for r in least])
    assert failures <= delta


@pytest.mark.parametrize("wrong", [{"n": 0}, {"bits": -1}, {"delta": 0}, {"delta": 1}, {"width": 0}])
def test_impossible_values_of_the_bound_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="give n ≥ 1"):
        countable_hypothesis_bound(**{"empirical": 0.1, "bits": 5, "n": 10, "delta": 0.1, **wrong})
