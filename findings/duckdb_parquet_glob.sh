#!/usr/bin/env bash
# What:    duckdb 2.0.1 (28 November 2026), read_parquet over several files
# Guess:   fields of a struct that only later files have are kept, or the query fails, as for whole columns
# Happens: they are cut without a word; union_by_name=true keeps them
# So:      specmill gives every file of a table one schema, and reads foreign files with union_by_name
source "$(dirname "$0")/run.sh"
run duckdb==2.0.1 <<'PYTHON'
import duckdb

duckdb.sql("COPY (SELECT {'role': 'user'} AS message) TO '1.parquet'")
duckdb.sql("COPY (SELECT {'role': 'assistant', 'tool': 'search'} AS message) TO '2.parquet'")
last = {}
for options in ("", ", union_by_name=true"):
    [*_, (last[options],)] = duckdb.sql(f"SELECT message FROM read_parquet('*.parquet'{options})").fetchall()
print(f"duckdb {duckdb.__version__}: {last}")
kept = {"role": "assistant", "tool": "search"}
raise SystemExit(0 if last == {"": {"role": "assistant"}, ", union_by_name=true": kept} else 1)
PYTHON
