"""One part of each kind that a package can add to specmill."""

from pathlib import Path

TEA = Path(__file__).parent / "tea.yaml"
"""A question set: a file in the form of those in eval/questions/sets."""
