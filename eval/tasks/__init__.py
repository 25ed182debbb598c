"""Inspect: the same questions as tasks, our client as a provider, logs read into our results (specmill[inspect])."""
