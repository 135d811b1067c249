"""Adversarial gradient descent, the subspace reduction, checkpoints."""
