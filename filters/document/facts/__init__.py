"""What a writer can only invent: sources, links, dates, figures."""
