"""Moving a corpus to another assistant: every form of a name, counted, and what is left over."""

from corpus.rename.forms import FORMS
from corpus.rename.leftover import left_over, one_slip
from corpus.rename.renamer import Renamed, Renamer, Tally, read_renames

__all__ = ["FORMS", "Renamed", "Renamer", "Tally", "left_over", "one_slip", "read_renames"]
