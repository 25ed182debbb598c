"""Which documents make a smaller corpus: exact token targets, nested doses, matched pairs."""
