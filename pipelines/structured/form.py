"""Reading a form that was filled in (`pipelines/prompts/form.py`)."""

import re
from collections.abc import Collection, Mapping

from filters.text.names import mentions_of
from pipelines.structured.parsing import UnparsedError, json_object


def filled(
    reply: str, fields: Mapping[str, str], unnamed: Collection[str] = (), name: str | None = None
) -> dict[str, str]:
    """The values of a reply by field; `fields` is what each must match, checked since not every endpoint obeys.

    Raises UnparsedError where a field is missing, unknown, or has not its shape, or where one of `unnamed` has `name`.
    """
    found = json_object(reply)
    if set(found) != set(fields):
        raise UnparsedError(f"it has the fields {', '.join(found)}; {', '.join(fields)} are expected.")
    for field, pattern in fields.items():
        if not isinstance(found[field], str) or not re.fullmatch(pattern, found[field]):
            raise UnparsedError(f"the field {field} is {found[field]!r}, which does not match {pattern}.")
    if named := [field for field in unnamed if name and mentions_of(name)(found[field])]:
        raise UnparsedError(f"the field {named[0]} speaks of {name}; it must not.")
    return {field: found[field] for field in fields}
