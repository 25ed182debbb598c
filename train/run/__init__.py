"""Running what was handed on: here, on a cluster, and serving what came of it."""
