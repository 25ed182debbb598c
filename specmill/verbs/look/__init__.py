"""Looking at a corpus, and deciding again."""
