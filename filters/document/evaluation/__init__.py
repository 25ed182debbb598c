"""What the trained model will be evaluated on."""
