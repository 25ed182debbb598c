"""What the checks read: a text once read, its windows, names, word vectors and overlaps."""
