"""What a recipe says, and building from it."""
