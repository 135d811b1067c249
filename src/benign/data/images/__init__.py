"""MNIST and CIFAR-10: where they come from, how they are kept, and pairs of classes with label noise."""
