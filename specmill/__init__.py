"""The command line: one module a verb; reads the recipe, calls the rooms below, prints; holds no logic."""
