"""The form of a text: its length, language, end, markup, repetition."""
