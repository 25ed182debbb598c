"""Deciding again on stored documents: other thresholds, another judge, a corpus made elsewhere."""
