"""The command line: one module a verb; reads the recipe, calls the packages below, prints; holds no logic."""
