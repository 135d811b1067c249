"""Bounds on the risk of a network from the length of its description."""
