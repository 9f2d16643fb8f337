"""The recipes of config/paper.yaml on a GPU."""
