"""Chen, Cao, Gu, Benign Overfitting in Adversarially Robust Linear Classification, UAI 2023 (arXiv 2112.15250)."""
