"""Question sets made from a spec: written from its assertions, checked by program, gated by asking."""
