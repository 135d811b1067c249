"""Two-layer networks, trained adversarially on two clusters, or on a pair of images' classes, with noisy labels.

Wang, Zhang, Arora, ICML 2024, §"Experiments" [digest]: n = 100, 2,000 test points, β = 0.1, m = 1000, 1,000 steps of
full-batch gradient descent; dimension, signal and ratio α/‖μ‖ vary.

Read in this order: setting (what may vary), draw (points and initial weights), fit (networks, trained together),
measure (losses, errors, ρ), predict and courses (what theory says before training), columns (what all of it means).
"""
