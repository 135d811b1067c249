"""Real data with label noise, beyond the paper: pairs of MNIST and of CIFAR-10 classes, held against closed forms."""
