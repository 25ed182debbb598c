"""The dataset card and the way to the Hub."""
