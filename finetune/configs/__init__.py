"""One YAML file a training run; each opens with the command that runs it."""
