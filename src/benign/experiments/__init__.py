"""Experiments that several studies share: what is drawn, trained, measured and predicted."""
