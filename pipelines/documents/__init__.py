"""Documents for midtraining: decompose a spec, brainstorm types and ideas, write."""
