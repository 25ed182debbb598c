"""How an endpoint is spoken to: one module a protocol, behind one base that the rest of the engine knows alone."""

from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.protocols.base import Protocol


def connect(settings: EndpointSettings, key: str) -> Protocol:
    """The connection to an endpoint, in the running event loop; its package is imported only now."""
    if settings.protocol == "anthropic":
        from pipelines.engine.protocols.anthropic import AnthropicProtocol

        return AnthropicProtocol(settings, key)
    from pipelines.engine.protocols.openai import OpenAIProtocol

    return OpenAIProtocol(settings, key)
