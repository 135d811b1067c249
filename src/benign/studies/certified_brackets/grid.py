"""What is run: cells of the flagship, whose networks are measured anew."""

from benign.studies.adversarial_training.grid import Cell, cells, defaults

__all__ = ["Cell", "cells", "defaults"]
