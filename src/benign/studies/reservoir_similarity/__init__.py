"""Krishnagopal, Aloimonos, Girvan, Similarity learning and generalization with limited data, Complexity 2018."""
