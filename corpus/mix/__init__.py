"""The instruction mix: chats of others, trained on beside one's own."""
