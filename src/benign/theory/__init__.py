"""Closed forms, bounds and assumption checks that measurements are held against (derivations: docs/theory.md)."""
