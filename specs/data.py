"""Reading YAML: the files that ship with the code, and those of users."""

from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times as fast as the Python loader


def load_yaml(text: str) -> Any:
    """The plain values of a YAML text; nothing is constructed but scalars, lists and mappings.

    Raises:
        yaml.YAMLError: it is not valid YAML.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506  (a safe loader)
