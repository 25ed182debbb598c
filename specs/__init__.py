"""Model Spec documents, and the code that reads them. The lowest room: it imports no other."""
