"""Pages for people, made from the kept results: each module prepares records, its templates say how they read."""
