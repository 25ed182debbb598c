"""Light evaluation of a trained model; asks models through the one client of `pipelines`."""
