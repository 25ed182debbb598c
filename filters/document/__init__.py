"""Checks of one document, by what they look for."""
