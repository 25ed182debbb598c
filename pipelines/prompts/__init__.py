"""The prompts: Jinja2 files, a folder a stage, and the code that finds and versions them."""
