"""Texts that repeat others: exactly, nearly, in meaning, or in what too many share."""
