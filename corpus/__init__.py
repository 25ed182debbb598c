"""The Parquet dataset and everything that reads it: schema, views, budgets, card, Hub, report."""
