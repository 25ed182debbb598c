"""Whose document this is: our assistant's, another's, or nobody's."""
