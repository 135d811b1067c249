"""Networks: the two-layer family of the flagship, and the few others that studies need."""
