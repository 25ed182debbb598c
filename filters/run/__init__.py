"""Deciding on many documents: in this process, in several, or on a cluster."""
