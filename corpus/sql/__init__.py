"""A workspace in SQL: views, named queries, exports."""
