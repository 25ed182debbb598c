"""Every completion, committed to disk before anything uses it, and what the budget has set aside."""
