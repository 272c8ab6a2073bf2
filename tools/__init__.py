"""Plain Python tools over one shop: catalogue, sessions, search, memory, recommender."""
