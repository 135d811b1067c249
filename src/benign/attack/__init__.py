"""Adversaries: inner maximisation for training, attacks and certificates for evaluation."""

METHODS = ("exact", "pgd")  # of taking the inner maximum; here, so that grids know them without importing Torch
