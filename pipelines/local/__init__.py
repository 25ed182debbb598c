"""Language models on this machine: fetched whole, served on loopback, ended with their user."""
