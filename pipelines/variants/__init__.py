"""Forms of a spec that differ in one thing, written and checked."""
