"""Every key, command, option, table and column has a description, and the generated pages say them all."""

from collections.abc import Callable

import pytest

from corpus.schema import DATASETS, TABLES, type_of
from corpus.sql.named_queries import named_queries
from corpus.sql.views import view_help
from docs.generate import commands, filters, recipe, tables
from filters.settings import FilterSettings
from specmill.cli import VERBS
from specmill.recipe import Recipe


def test_every_key_of_a_recipe_is_described() -> None:
    keys = [key for part in recipe.parts() for key in part.keys]
    assert len(keys) > 200 and {key.path for key in keys} >= set(Recipe.model_fields)
    assert [key.path for key in keys if not key.meaning or not key.kind] == []
    assert [part.path for part in recipe.parts() if not part.about] == []


def test_keys_say_their_type_and_default() -> None:
    keys = {key.path: key for part in recipe.parts() for key in part.keys}
    assert keys["documents.ideas"].kind == "integer from 1 to 1,000" and keys["documents.ideas"].default == "25"
    assert keys["documents.attribution"].kind == "one of `explain`, `apart`"
    assert keys["endpoints.<name>.base_url"].kind == "text" and keys["endpoints.<name>.base_url"].default == ""
    assert keys["roles.<name>.endpoints"].kind == "mapping of name to number or list of text or text"
    assert keys["chats.style"].kind.startswith("one of `advice`, ") and "`value`" in keys["chats.style"].kind
    assert keys["mix.sources[].path"].meaning and "2.5" in keys["filters.gibberish.mean_word"].default


def test_every_command_and_option_is_described() -> None:
    found = list(commands.commands())
    assert {one.words.split()[1] for one in found} == set(VERBS) and "specmill model fetch" in {o.words for o in found}
    assert [one.words for one in found if not one.text] == []
    assert [(one.words, p.name) for one in found for p in one.parameters if not p.meaning] == []
    assert all(VERBS.values())


def test_commands_say_how_they_are_called() -> None:
    usage = {one.words: one for one in commands.commands()}
    assert usage["specmill build"].usage == "specmill build [OPTIONS] RECIPE"
    kinds = {one.name: one for one in usage["specmill subset"].parameters}
    assert kinds["--balance"].kind.startswith("one of `domain`") and kinds["--balance"].default == "domain"


def test_every_table_and_column_is_described() -> None:
    declared = {**TABLES, **DATASETS}
    assert len(declared) == len(TABLES) + len(DATASETS)
    assert [name for name, one in declared.items() if not one.about] == []
    columns = [(name, column, said) for name, one in declared.items() for column, (_, said) in one.columns.items()]
    assert [found[:2] for found in columns if len(found[2]) < 5] == []
    assert type_of(DATASETS["aft"].columns["messages"][0]) == "list of struct of role (text), content (text)"


@pytest.mark.parametrize("page", [recipe.page, commands.page, tables.page, filters.page])
def test_pages_are_tables_of_whole_rows(page: Callable[[], str]) -> None:
    text = page()
    assert text.startswith("# ") and "Sentinel" not in text and "PydanticUndefined" not in text
    head = 0
    for line in text.splitlines():
        bars = line.replace("\\|", "").count("|") if line.startswith("| ") else 0
        assert not head or not bars or bars == head, line
        head = bars


def test_every_filter_has_an_example_that_it_finds() -> None:
    found = {one.name: one for one in filters.filters()}
    assert set(found) == set(FilterSettings().parts)
    assert [name for name, one in found.items() if not one.found and name not in {"semantic", "overused"}] == []
    assert [name for name, one in found.items() if not one.about or (not one.example and name != "chat_length")] == []
    assert found["near"].action == "drop" and found["dates"].action == "flag"


def test_every_view_and_query_says_what_it_is() -> None:
    assert all(view_help().values()) and all(one.help for one in named_queries().values())
