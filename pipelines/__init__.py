"""What is asked of a language model: Distilabel pipelines, prompts, the LLM client, the ledger."""

import warnings

# Distilabel's own models say this about themselves at import, once a process; a user can do nothing about it.
warnings.filterwarnings("ignore", message=r"The '\w+' attribute with value .* was provided to the `Field\(\)`")
