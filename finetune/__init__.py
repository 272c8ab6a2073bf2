"""Training recipes: one linear script a model, each run from a YAML file."""
