"""JSON posted to one address over kept connections: what every request of a run goes through, so it is kept lean.

aiohttp and not the openai package's httpx: a request costs a fifth of the CPU, and what came before the first byte of
an answer is told apart from what broke inside one.
"""

import json
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp

from pipelines.engine.outcomes import Fault, scrub
from pipelines.engine.proxies import Proxy, proxy_for, unreached

_MOST_BYTES = 64 << 20  # of an answer
_KEPT_S = 4.0  # many servers close what was idle for five seconds, and a request that meets that is lost
_LONG = 4096  # characters from which a message is worth keeping in the form in which it is sent


class SocksError(aiohttp.ClientError):
    """A SOCKS proxy is not there, or brings no connection about. The package for them has errors of no kind."""


_UNREACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError, SocksError)
_UNHEARD = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


class Answer(NamedTuple):
    """An answer, whatever its status; headers with names in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


class Post:
    """Make it inside a running event loop; `close` it at the end. The caller bounds how many are in flight."""

    errors = (aiohttp.ClientError, TimeoutError, OSError, ValueError)

    def __init__(self, url: str, headers: Mapping[str, str], connect_timeout_s: float) -> None:
        self._url, self._proxy = url, proxy_for(url)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s)
        self._session = aiohttp.ClientSession(
            connector=_connector(url, self._proxy),
            headers={**headers, "Content-Type": "application/json"},
            timeout=timeout,
            skip_auto_headers=("User-Agent",),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._through = None if self._proxy is None or self._proxy.socks else self._proxy.url
        self._socks_errors = _socks_errors() if self._proxy is not None and self._proxy.socks else ()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def send(self, body: bytes) -> Answer:
        """One request. Raises `errors`, which `fault_of` sorts; ValueError for an answer that is too long."""
        try:
            sent = await self._session.post(self._url, data=body, proxy=self._through)
        except self._socks_errors as error:
            raise SocksError(str(error)) from error
        async with sent as response:
            length, chunks = 0, []
            async for chunk in response.content.iter_any():
                length += len(chunk)
                if length > _MOST_BYTES:
                    raise ValueError(f"the answer is longer than {_MOST_BYTES >> 20} MB")
                chunks.append(chunk)
            headers = (
                {name.lower(): value for name, value in response.headers.items()} if response.status != 200 else {}
            )
            # JSON is UTF-8, whatever the label says, and with or without a mark at its start.
            return Answer(response.status, headers, b"".join(chunks).decode("utf-8-sig", "replace"))

    def fault_of(self, error: Exception, timeout_s: float, key: str) -> Fault:
        """What an exception of `send` means."""
        detail = scrub(f"{type(error).__name__}: {error} ({self._url})", key)
        if isinstance(error, _UNREACHED):
            return Fault("connection", unreached(self._url, detail), unreachable=True, unheard=True)
        if isinstance(error, TimeoutError):
            return Fault("timeout", f"no complete reply within {timeout_s:g} s", overload=True)
        if isinstance(error, _UNHEARD):  # more connections than it takes, or it is being restarted
            return Fault("connection", detail, overload=True, unheard=True)
        kind = "connection" if isinstance(error, aiohttp.ClientError | OSError) else "bad_reply"
        return Fault(kind, detail)


def encoded(body: dict[str, Any]) -> bytes:
    """`body` as JSON, messages last; a long text that many requests begin with is written out once."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(_plain(one) for one in messages):
        return _json(body)
    head = _json({name: value for name, value in body.items() if name != "messages"})
    parts = [
        b'{"role":%b,"content":%b}'
        % (_json(one["role"]), (_kept if len(one["content"]) >= _LONG else _json)(one["content"]))
        for one in messages
    ]
    return b'%b%b"messages":[%b]}' % (head[:-1], b"," if len(head) > 2 else b"", b",".join(parts))


def _plain(message: Any) -> bool:
    return isinstance(message, dict) and message.keys() == {"role", "content"} and isinstance(message["content"], str)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


@lru_cache(maxsize=16)
def _kept(text: str) -> bytes:
    return _json(text)


def _connector(url: str, proxy: Proxy | None) -> aiohttp.BaseConnector:
    secure: ssl.SSLContext | bool = True
    if url.startswith("https"):
        import httpx

        secure = httpx.create_ssl_context()  # the certificates that the other calls trust too
    options: dict[str, Any] = {"limit": 0, "keepalive_timeout": _KEPT_S, "ssl": secure}
    if proxy is not None and proxy.socks:
        from aiohttp_socks import ProxyConnector  # `proxy_for` has seen that it is there

        # It leaves names to the proxy, which is what socks5h says.
        place = proxy.url.replace("socks5h://", "socks5://", 1)
        connector: aiohttp.BaseConnector = ProxyConnector.from_url(place, **options)
        return connector
    return aiohttp.TCPConnector(**options)


def _socks_errors() -> tuple[type[Exception], ...]:
    import aiohttp_socks

    return (aiohttp_socks.ProxyError, aiohttp_socks.ProxyConnectionError, aiohttp_socks.ProxyTimeoutError)
