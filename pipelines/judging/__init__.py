"""Judges: named criteria in, a verdict with its reason out; documents, chats and mixes."""
