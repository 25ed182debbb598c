"""The spec showing through: copied, cited, or said in its own words."""
