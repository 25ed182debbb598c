"""The writer showing through: notes, plans, refusals, offers, unfilled slots, wrapping."""
