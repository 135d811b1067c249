"""Karhadkar et al., Benign overfitting in leaky ReLU networks with moderate input dimension, NeurIPS 2024."""
