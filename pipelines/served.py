"""Which models an endpoint serves: a look that costs nothing, for `doctor` and the demo."""

import os

from pipelines.endpoints import EndpointSettings
from specs.errors import EndpointError

_PATIENCE_S = 10.0


def served_models(settings: EndpointSettings) -> list[str]:
    """Names of the models that an endpoint lists; empty where it has no such list.

    Raises EndpointError, without the key in its text, where the endpoint does not answer or refuses the key.
    """
    import openai

    key = os.environ.get(settings.api_key_env, "")
    client = openai.OpenAI(
        api_key=key or "no-key", base_url=settings.base_url, timeout=_PATIENCE_S, max_retries=1
    )  # fmt: skip
    try:
        with client:
            return [model.id for model in client.models.list()]
    except openai.NotFoundError:
        return []
    except openai.OpenAIError as error:
        text = f"{type(error).__name__}: {error}"
        text = text.replace(key, "***") if key else text
        hint = "" if key else f" The variable {settings.api_key_env} is not set."
        raise EndpointError(
            f"{settings.base_url or 'the default address'} does not answer as expected: {text}.{hint}"
        ) from error
