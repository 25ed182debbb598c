"""What each sentence of a text is: the document's own, or its writer's plan, talk, refusal, claim or slip."""
