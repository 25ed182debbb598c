"""The pattern audit of a finished corpus: propose, verify, count."""
