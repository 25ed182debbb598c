"""Reading a form that was filled in (`pipelines/prompts/form.py`)."""

import re
from collections.abc import Mapping

from pipelines.structured.parsing import UnparsedError, json_object


def filled(reply: str, fields: Mapping[str, str]) -> dict[str, str]:
    """The values of a reply by field; `fields` is what each must match, checked since not every endpoint obeys.

    Raises UnparsedError where a field is missing, unknown, or has not its shape.
    """
    found = json_object(reply)
    if set(found) != set(fields):
        raise UnparsedError(f"it has the fields {', '.join(found)}; {', '.join(fields)} are expected.")
    for name, pattern in fields.items():
        if not isinstance(found[name], str) or not re.fullmatch(pattern, found[name]):
            raise UnparsedError(f"the field {name} is {found[name]!r}, which does not match {pattern}.")
    return {name: found[name] for name in fields}
