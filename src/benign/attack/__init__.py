"""Adversaries: inner maximisation for training, attacks and certificates for evaluation."""

from typing import Literal

Method = Literal["exact", "pgd"]  # of taking the inner maximum; here: grids know it without importing Torch
