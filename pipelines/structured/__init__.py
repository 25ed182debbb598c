"""Structured output: how a list or a record is asked for, its schema, and the strict reading of what comes."""
