"""Wilson, Deep Learning is Not So Mysterious or Different, ICML 2025: soft biases explain benign overfitting."""
