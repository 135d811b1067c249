"""Adversaries: inner maximisation for training, attacks and certificates for evaluation."""
