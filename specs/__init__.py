"""Model Spec documents, and the code that reads them. The lowest package: it imports no other."""
