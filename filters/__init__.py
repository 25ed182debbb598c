"""What may stay in a corpus: checks of one document, duplicates among many, decisions on stored verdicts."""
