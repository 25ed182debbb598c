"""What a corpus measures like; nothing is decided here."""
