"""Two classes at ±μ with noise: half-spaces, floors, predictors, recursions, and what the theorem assumes."""
