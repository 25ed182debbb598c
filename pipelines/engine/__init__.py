"""Asking a model: the client, its endpoints, what they answer, what that costs."""
