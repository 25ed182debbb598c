"""Chats for alignment fine-tuning: queries, responses, verdicts, in backfill rounds."""
