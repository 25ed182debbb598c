"""Which models an endpoint serves: a look that costs nothing, for `doctor` and the demo."""

import contextlib
import os
from urllib.parse import quote

from pipelines.engine.endpoints import MAKERS_ADDRESSES, EndpointSettings
from pipelines.engine.outcomes import scrub
from pipelines.engine.proxies import httpx_proxy, proxy_for
from specs.errors import EndpointError
from specs.untrusted import load_json

_PATIENCE_S = 10.0


def served_models(settings: EndpointSettings) -> list[str]:
    """Names of the models that an endpoint lists; empty where it has no such list (status 404).

    Raises EndpointError, without the key in its text, where the endpoint does not answer, refuses the key, or answers
    with something that is no list of models.
    """
    key = os.environ.get(settings.api_key_env, "").strip()
    address = settings.address
    asked = address or MAKERS_ADDRESSES[settings.protocol]
    try:
        return (_of_claude if settings.protocol == "anthropic" else _of_openai)(settings, asked, key)
    except (ValueError, ConnectionError) as error:
        hint = "" if key else f" The variable {settings.api_key_env} is not set."
        proxy = proxy_for(asked) if isinstance(error, ConnectionError) else None
        where = f"{address or 'the default address'}{f' (through the proxy {proxy.shown})' if proxy else ''}"
        said = scrub(str(error), key).rstrip(".")
        raise EndpointError(f"{where} does not answer as expected: {said}.{hint}") from error


def _of_openai(settings: EndpointSettings, asked: str, key: str) -> list[str]:
    import openai

    through = openai.DefaultHttpxClient(timeout=_PATIENCE_S, **httpx_proxy(asked))
    client = openai.OpenAI(api_key=key or "no-key", base_url=settings.address, http_client=through, max_retries=1)
    try:
        with client:
            return _names(client.models.with_raw_response.list().text)
    except openai.NotFoundError:
        return []
    except openai.OpenAIError as error:
        kind = ConnectionError if isinstance(error, openai.APIConnectionError) else ValueError
        raise kind(f"{type(error).__name__}: {error}") from error


def _of_claude(settings: EndpointSettings, asked: str, key: str) -> list[str]:
    """The list holds dated names; one that stands for such a name is asked for by itself."""
    import anthropic

    through = anthropic.DefaultHttpxClient(timeout=_PATIENCE_S, **httpx_proxy(asked))
    client = anthropic.Anthropic(api_key=key or "no-key", base_url=asked, http_client=through, max_retries=1)
    try:
        with client:
            names = _names(client.get("/v1/models?limit=1000", cast_to=str))
            if settings.model not in names:
                with contextlib.suppress(anthropic.NotFoundError):
                    client.get(f"/v1/models/{quote(settings.model, safe='')}", cast_to=str)
                    names.append(settings.model)
            return names
    except anthropic.NotFoundError:
        return []
    except anthropic.AnthropicError as error:
        kind = ConnectionError if isinstance(error, anthropic.APIConnectionError) else ValueError
        raise kind(f"{type(error).__name__}: {error}") from error


def _names(body: str) -> list[str]:
    """The names in a list of models; ValueError for any other text."""
    try:
        listed = load_json(body)["data"]
        if isinstance(listed, list):
            return [str(model["id"]) for model in listed]
    except (ValueError, LookupError, TypeError):
        pass
    raise ValueError(
        f"instead of a list of models came {body[:200]!r}; is `base_url` the root of the API, such as .../v1?"
    )
