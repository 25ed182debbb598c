"""The base model's own tokenizer, read from a folder or the Hub with `tokenizers` alone: no transformers, no torch."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from corpus.tokens import hub_file
from specs.errors import UserError

_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@dataclass(frozen=True, slots=True)
class BaseTokenizer:
    """A tokenizer with its special tokens and, where it brings one, its own chat template."""

    name: str  # as the recipe names it
    encoder: Any  # tokenizers.Tokenizer
    digest: str  # 12 hex digits of tokenizer.json
    bos: str | None = None
    eos: str | None = None
    own_template: str | None = None
    control: frozenset[str] = field(default_factory=frozenset)  # contents of its special tokens

    def knows(self, token: str) -> bool:
        """Whether it has this token as one."""
        return self.encoder.token_to_id(token) is not None

    def token_id(self, token: str) -> int:
        """The id of a token that it knows."""
        return int(self.encoder.token_to_id(token))

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids of a text and where each stands in it, in characters; special tokens are only those in the text."""
        found = self.encoder.encode(text, add_special_tokens=False)
        return found.ids, found.offsets

    def encode_documents(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, with the tokenizer's own beginning (BOS) where it has one, and without any end."""
        end = self.eos and self.token_id(self.eos)
        out = [one.ids for one in self.encoder.encode_batch(list(texts), add_special_tokens=True)]
        return [ids[:-1] if ids and ids[-1] == end else ids for ids in out]

    @property
    def adds_bos(self) -> bool:
        """Whether it writes its BOS before a text by itself."""
        ids = self.encoder.encode("a", add_special_tokens=True).ids
        return bool(self.bos) and ids[0] == self.token_id(str(self.bos))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens included."""
        return str(self.encoder.decode(list(ids), skip_special_tokens=False))


def load_tokenizer(name: str, base: Path) -> BaseTokenizer:
    """The tokenizer of a model: a folder (relative to `base`, too) or a name of the Hub.

    Raises:
        UserError: there is none, the Hub cannot be reached, or it has no `tokenizer.json`.
    """
    from tokenizers import Tokenizer

    folder = next((place for place in (base / name, Path(name).expanduser()) if place.is_dir()), None)
    found = _in_folder(folder) if folder else _on_hub(name)
    if "tokenizer.json" not in found:
        raise UserError(
            f"train.base_model {name}: {folder or 'the Hub'} has no tokenizer.json, which is needed to see what is "
            f"trained "
            "on. Save one with transformers (AutoTokenizer.from_pretrained(...).save_pretrained(folder)) and name that "
            "folder as train.tokenizer."
        )
    try:
        encoder = Tokenizer.from_file(str(found["tokenizer.json"]))
        config = json.loads(_text(found, "tokenizer_config.json") or "{}")
    except Exception as error:  # the library raises bare Exception
        raise UserError(f"train.base_model {name}: its tokenizer cannot be read: {error}") from error
    encoder.no_truncation()
    encoder.no_padding()
    return BaseTokenizer(
        name=name,
        encoder=encoder,
        digest=hashlib.sha256(found["tokenizer.json"].read_bytes()).hexdigest()[:12],
        bos=_token(config.get("bos_token")),
        eos=_token(config.get("eos_token")),
        own_template=_text(found, "chat_template.jinja") or _default_template(config.get("chat_template")),
        control=frozenset(one.content for one in encoder.get_added_tokens_decoder().values() if one.special),
    )


def _in_folder(folder: Path) -> dict[str, Path]:
    return {file: folder / file for file in _FILES if (folder / file).is_file()}


def _on_hub(name: str) -> dict[str, Path]:
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    found = {}
    for file in _FILES:
        try:
            found[file] = hub_file(name, file)
        except LocalEntryNotFoundError as error:  # offline, and not in the cache
            if file == "tokenizer.json":
                raise UserError(_unreachable(name, error)) from error
        except EntryNotFoundError:
            continue
        except Exception as error:  # no such model, no access, no network: several libraries' own errors
            raise UserError(_unreachable(name, error)) from error
    return found


def _unreachable(name: str, error: Exception) -> str:
    said = next(iter(str(error).splitlines()), repr(error))
    return (
        f"train.base_model {name}: its tokenizer cannot be fetched from the Hub ({said}), and there is no such folder. "
        "What is trained on must be looked at with the model's own tokenizer: run this where the Hub can be reached, "
        "or "
        "put tokenizer.json and tokenizer_config.json into a folder and name it: --set train.tokenizer=FOLDER."
    )


def _text(found: dict[str, Path], file: str) -> str | None:
    return found[file].read_text(encoding="utf-8") if file in found else None


def _token(value: Any) -> str | None:
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None


def _default_template(value: Any) -> str | None:
    if isinstance(value, list):  # named templates
        value = next((one.get("template") for one in value if one.get("name") == "default"), None)
    return value if isinstance(value, str) else None
