"""Rice, Wong, Kolter, Overfitting in adversarially robust deep learning, ICML 2020: the contrast to the flagship."""
