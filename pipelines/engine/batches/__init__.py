"""Batch APIs as a second way to the same ledger: half the price, within a day."""
