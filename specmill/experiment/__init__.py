"""Experiments: arms that differ in one thing, planned, built, trained, asked and tabulated from one file."""
