"""Where training and test points come from: synthetic clusters and image pairs."""
