"""Which models an endpoint serves: a look that costs nothing, for `doctor` and the demo."""

import contextlib
import json
import os
from urllib.parse import quote

from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.outcomes import scrub
from specs.errors import EndpointError

_PATIENCE_S = 10.0


def served_models(settings: EndpointSettings) -> list[str]:
    """Names of the models that an endpoint lists; empty where it has no such list (status 404).

    Raises EndpointError, without the key in its text, where the endpoint does not answer, refuses the key, or answers
    with something that is no list of models.
    """
    key = os.environ.get(settings.api_key_env, "").strip()
    address = settings.address
    try:
        return _of_claude(settings, key) if settings.protocol == "anthropic" else _of_openai(settings, key)
    except ValueError as error:
        hint = "" if key else f" The variable {settings.api_key_env} is not set."
        said = scrub(str(error), key)
        raise EndpointError(
            f"{address or 'the default address'} does not answer as expected: {said.rstrip('.')}.{hint}"
        ) from error


def _of_openai(settings: EndpointSettings, key: str) -> list[str]:
    import openai

    client = openai.OpenAI(api_key=key or "no-key", base_url=settings.address, timeout=_PATIENCE_S, max_retries=1)
    with client:
        try:
            return _names(client.models.with_raw_response.list().text)
        except openai.NotFoundError:
            return []
        except openai.OpenAIError as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


def _of_claude(settings: EndpointSettings, key: str) -> list[str]:
    """The list holds dated names; one that stands for such a name is asked for by itself."""
    import anthropic

    address = settings.address or "https://api.anthropic.com"
    client = anthropic.Anthropic(api_key=key or "no-key", base_url=address, timeout=_PATIENCE_S, max_retries=1)
    with client:
        try:
            names = _names(client.get("/v1/models?limit=1000", cast_to=str))
            if settings.model not in names:
                with contextlib.suppress(anthropic.NotFoundError):
                    client.get(f"/v1/models/{quote(settings.model, safe='')}", cast_to=str)
                    names.append(settings.model)
            return names
        except anthropic.NotFoundError:
            return []
        except anthropic.AnthropicError as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


def _names(body: str) -> list[str]:
    """The names in a list of models; ValueError for any other text."""
    try:
        listed = json.loads(body)["data"]
        if isinstance(listed, list):
            return [str(model["id"]) for model in listed]
    except (ValueError, LookupError, TypeError):
        pass
    raise ValueError(
        f"instead of a list of models came {body[:200]!r}; is `base_url` the root of the API, such as .../v1?"
    )
