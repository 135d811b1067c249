"""Chen, Huang, Wang, No Free Lunch in Neural Architectures? AutoML 2023."""
