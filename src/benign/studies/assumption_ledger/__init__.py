"""The flagship's assumptions, broken one at a time: what the theorem needs, what happens, and whether it is benign."""
