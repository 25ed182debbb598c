"""Smaller corpora, mixes, and ways in and out."""
