"""Training, asking, serving, and whether everything is there."""
