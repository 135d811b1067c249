"""A prefix code for quantised networks: the K(h) of the countable-hypothesis bound, as bits that a decoder reads back.

A network is θ₀ + P·(Δ·codes): start θ₀ and random projection P follow from a seed, so that the hypothesis is (seed, Δ,
codes) with integers |codes_i| ≤ reach. A message is

    γ(length)  then  γ(seed + 1)  γ(k)  γ(reach + 1)  Δ as float16  γ(count + 1) of each level but the last  rank

with γ Elias's code of positive integers and rank the number of the sequence among all with these counts (Cover,
"Enumerative source encoding", 1973), in ⌈log₂ multinomial⌉ bits: within the cost of the counts of the sequence's
empirical entropy. Messages are texts of "0" and "1". docs/theory/soft_inductive_bias.md.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


class CodeError(ValueError):
    """A message that no hypothesis has."""


@dataclasses.dataclass(frozen=True, eq=False)
class Hypothesis:
    """seed: of θ₀ and P; spacing: Δ > 0, a float16; codes: (k,) integers, the coordinates in units of Δ."""

    seed: int
    spacing: float
    codes: Codes

    def coordinates(self) -> NDArray[np.float32]:
        """Δ·codes, (k,)."""
        return (np.float32(self.spacing) * self.codes).astype(np.float32)


def encode(hypothesis: Hypothesis) -> str:
    """The message of a hypothesis; raises ValueError if its spacing is no positive float16."""
    spacing = np.float16(hypothesis.spacing)
    if not 0 < spacing < np.inf or float(spacing) != hypothesis.spacing:
        raise ValueError(f"spacing={hypothesis.spacing!r} is no positive float16: round it before it is used")
    symbols, reach = hypothesis.codes, int(np.abs(hypothesis.codes).max(initial=0))
    counts = np.bincount(symbols + reach, minlength=2 * reach + 1).tolist()
    number, sequences = rank((symbols + reach).tolist(), counts)
    head = elias_gamma(hypothesis.seed + 1) + elias_gamma(len(symbols)) + elias_gamma(reach + 1)
    table = "".join(elias_gamma(count + 1) for count in counts[:-1])
    body = head + _binary(int(spacing.view(np.uint16)), 16) + table + _binary(number, _width(sequences))
    return elias_gamma(len(body)) + body


def decode(message: str) -> Hypothesis:
    """The hypothesis of a message; raises CodeError if it is none, or is followed by anything."""
    reader = _Reader(message)
    length = reader.gamma()
    if len(message) != reader.at + length:
        raise CodeError(f"the message says {length} bits and has {len(message) - reader.at}")
    seed, size, reach = reader.gamma() - 1, reader.gamma(), reader.gamma() - 1
    spacing = float(np.uint16(reader.number(16)).view(np.float16))
    counts = [reader.gamma() - 1 for _ in range(2 * reach)]
    counts.append(size - sum(counts))
    if counts[-1] < 0:
        raise CodeError(f"the levels' counts sum to more than the {size} coordinates")
    number = reader.number(_width(arrangements(counts)))
    if reader.at != len(message) or number >= arrangements(counts):
        raise CodeError("the message does not end where its last part does")
    return Hypothesis(seed, spacing, np.array(unrank(number, counts), dtype=np.int64) - reach)


# ---------------------------------------------------------------- the parts


def elias_gamma(value: int) -> str:
    """Elias's γ code of an integer ≥ 1: ⌊log₂ value⌋ zeros, then the value in binary; 2⌊log₂ value⌋ + 1 bits."""
    if value < 1:
        raise ValueError(f"value={value!r}: Elias's γ code is for integers from 1 on")
    binary = f"{value:b}"
    return "0" * (len(binary) - 1) + binary


def arrangements(counts: Sequence[int]) -> int:
    """How many sequences have these counts: the multinomial coefficient."""
    left, result = sum(counts), 1
    for count in counts:
        result *= math.comb(left, count)
        left -= count
    return result


def rank(symbols: Sequence[int], counts: Sequence[int]) -> tuple[int, int]:
    """(place of the sequence among all with its counts in lexicographic order, from 0; how many there are)."""
    left, total = list(counts), arrangements(counts)
    here, number = total, 0
    for length, symbol in zip(range(len(symbols), 0, -1), symbols, strict=True):
        number += here * sum(left[:symbol]) // length
        here = here * left[symbol] // length
        left[symbol] -= 1
    return number, total


def unrank(number: int, counts: Sequence[int]) -> list[int]:
    """The sequence with these counts at this place."""
    left, here = list(counts), arrangements(counts)
    symbols = []
    for length in range(sum(counts), 0, -1):
        symbol, share = 0, here * left[0] // length
        while number >= share:
            number -= share
            symbol += 1
            share = here * left[symbol] // length
        symbols.append(symbol)
        here = share
        left[symbol] -= 1
    return symbols


def _width(sequences: int) -> int:
    return (sequences - 1).bit_length()


def _binary(value: int, width: int) -> str:
    return f"{value:0{width}b}" if width else ""


@dataclasses.dataclass
class _Reader:
    message: str
    at: int = 0

    def number(self, width: int) -> int:
        """The next `width` bits."""
        bits = self.message[self.at : self.at + width]
        if len(bits) < width or set(bits) - {"0", "1"}:
            raise CodeError(f"the message ends, or has other signs than 0 and 1, within its bit {self.at + width}")
        self.at += width
        return int(bits, 2) if width else 0

    def gamma(self) -> int:
        """The next integer in Elias's γ code."""
        zeros = 0
        while self.number(1) == 0:
            zeros += 1
        return (1 << zeros) + self.number(zeros)
