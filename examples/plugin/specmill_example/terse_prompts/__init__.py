"""Templates that replace shipped ones of the same name; a recipe says `prompts: terse`."""
