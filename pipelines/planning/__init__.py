"""What a recipe will ask for and cost, before anything is spent."""
