"""Finzi, Benton, Wilson, Residual Pathway Priors for Soft Equivariance Constraints, NeurIPS 2021 (arXiv 2112.01388)."""
