"""What the points alone decide, whatever is trained on them."""
