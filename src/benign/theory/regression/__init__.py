"""Linear and kernel regression: least squares, random features, Gaussian processes, and where descent goes."""
