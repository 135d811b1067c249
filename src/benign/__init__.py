"""Benign overfitting in adversarial training: training, attacks, certificates, theory and the studies built on them."""
