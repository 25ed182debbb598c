"""Documents and chats for other tools: what Argilla, Embedding Atlas and the Hub's viewer open."""

from corpus.exporting.exports import FORMS, Exported, write_export

__all__ = ["FORMS", "Exported", "write_export"]
