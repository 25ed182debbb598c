"""The table reference: every table, dataset, view and named query, from where they are declared."""

from corpus.schema import DATASETS, TABLES, type_of
from corpus.sql.named_queries import named_queries
from corpus.sql.views import view_help
from docs.generate.markdown import code, table


def page() -> str:
    """The page."""
    text = [
        "# Tables and datasets\n",
        "A workspace has one folder of Parquet files for each table (`tables/<table>/`) and for each dataset "
        "(`dataset/<config>/`). `specmill sql WORKSPACE` has a view for each of them, and those further down. Every "
        "column is in every file, empty or not.\n",
    ]
    for heading, names in (("Tables", TABLES), ("Datasets", DATASETS)):
        text.append(f"## {heading}\n")
        for name, declared in names.items():
            rows = ([code(column), type_of(kind), said] for column, (kind, said) in declared.columns.items())
            text += [f"### {code(name)}\n", f"{declared.about}\n", table(("column", "type", "meaning"), rows)]
    text += [
        "## Views\n", "Joins that people want; `specmill sql WORKSPACE \"FROM document_details LIMIT 5\"`.\n",
        table(("view", "what a row is"), ([code(name), said] for name, said in view_help().items())),
        "## Named queries\n", "`specmill sql WORKSPACE --named coverage`.\n",
        table(("query", "what it shows"), ([code(one.name), one.help] for one in named_queries().values())),
    ]  # fmt: skip
    return "\n".join(text)
