"""Bartlett, Montanari, Rakhlin, Deep learning: a statistical viewpoint, Acta Numerica 2021: its theory against
simulation.
"""
