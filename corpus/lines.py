"""Reading JSON lines."""

import json
from pathlib import Path
from typing import Any


def read_json_lines(path: Path) -> list[Any]:
    """Every value of a JSON lines file, in its order; empty lines are passed over.

    A line ends with a newline and with nothing else: JSON text may hold other characters that end lines elsewhere, such
    as U+2028 and U+0085, as they are. Raises OSError, or ValueError where a line is no JSON in UTF-8.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            return [json.loads(line) for line in lines if line.strip()]
    except RecursionError as error:
        raise ValueError("a line is nested deeper than can be read") from error
