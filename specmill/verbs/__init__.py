"""A module a verb, in folders by what they are for."""
