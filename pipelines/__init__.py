"""What is asked of a language model: Distilabel pipelines, prompts, the LLM client, the ledger."""
