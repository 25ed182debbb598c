"""Checks that only chats need: the user's message and the assistant's answer."""
