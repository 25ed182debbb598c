"""What an experiment has made, of what: a fingerprint of each thing's inputs and of what came out.

A thing is a folder or file of the experiment, by its path in it. Before anything is made again, or used, its inputs
are held against those that it was made of; where they differ it is refused, with the difference. What a user has
deleted is forgotten, and made anew.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from corpus.text import one_line
from corpus.workspace import write_text
from specs.errors import UserError

_NONE: Final = object()
_SHOWN: Final = 8


class ChangedError(UserError):
    """Something that was made would be made otherwise now."""


@dataclass(slots=True)
class State:
    """The file `state.json` of an experiment's folder. Every change is written at once."""

    root: Path
    things: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, root: Path) -> "State":
        """The state on disk; empty where there is none.

        Raises:
            UserError: it cannot be read.
        """
        path = root / "state.json"
        if not path.is_file():
            return cls(root, {})
        try:
            things = json.loads(path.read_text(encoding="utf-8"))["things"]
            return cls(root, {str(name): dict(one) for name, one in things.items()})
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise UserError(f"{path} cannot be read: {error}. What it described is in {root}.") from error

    def known(self, thing: str) -> dict[str, Any] | None:
        """What is known of a thing that is there."""
        return self.things.get(thing) if (self.root / thing).exists() else None

    def done(self, thing: str) -> bool:
        """Whether it was finished."""
        return (self.known(thing) or {}).get("outputs") is not None

    def outputs(self, thing: str) -> dict[str, Any]:
        """The fingerprint of what came out."""
        found: dict[str, Any] = (self.known(thing) or {}).get("outputs") or {}
        return found

    def check(self, thing: str, inputs: Mapping[str, Any]) -> None:
        """Raise ChangedError where it was made, or begun, of other inputs."""
        before = self.known(thing)
        if before is None:
            return
        if found := list(changes(before["inputs"], _as_json(inputs))):
            raise ChangedError(_refusal(self.root / thing, found))

    def check_outputs(self, thing: str, outputs: Mapping[str, Any]) -> None:
        """Raise ChangedError where a finished thing is not as it was when it was finished."""
        before = self.outputs(thing)
        if before and (found := list(changes(before, _as_json(outputs)))):
            raise ChangedError(_refusal(self.root / thing, found, "on disk"))

    def begin(self, thing: str, inputs: Mapping[str, Any]) -> None:
        """Note the inputs before anything is made."""
        self.things[thing] = {"inputs": _as_json(inputs), "outputs": None}
        self._write()

    def end(self, thing: str, outputs: Mapping[str, Any]) -> None:
        """Note what came out."""
        self.things[thing]["outputs"] = _as_json(outputs)
        self._write()

    def _write(self) -> None:
        text = json.dumps({"things": self.things}, ensure_ascii=False, indent=1, sort_keys=True)
        write_text(self.root / "state.json", text + "\n")


def changes(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """How two values differ, a line a key: `documents.words: was 400, is now 300`."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*before, *now]):
            yield from changes(before.get(name, _NONE), now.get(name, _NONE), f"{key}.{name}" if key else str(name))
    elif before != now:
        yield f"{key}: was {_said(before)}, is now {_said(now)}"


def _said(value: Any) -> str:
    return "not there" if value is _NONE else "none" if value is None else one_line(str(value), 100)


def _as_json(value: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(value, sort_keys=True))


def _refusal(path: Path, found: list[str], where: str = "") -> str:
    listed = "".join(f"\n  {one}" for one in found[:_SHOWN])
    more = f"\n  ... and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"{path} was made of something else{f' than what is {where}' if where else ''}:{listed}{more}\n"
        "Arms that differ in more than they say compare nothing, so nothing was done. Undo the change, give the "
        f"experiment another --out, or delete {path} (and what was made from it) to make it anew."
    )
