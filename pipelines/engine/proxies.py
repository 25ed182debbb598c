"""Which proxy a request goes through: what the environment says, but never for this machine itself."""

import importlib.util
import ipaddress
import os
import urllib.request
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from specs.errors import UserError

_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})
_SOCKS_PACKAGES = {"aiohttp_socks": "aiohttp-socks", "socksio": "socksio"}


class Proxy(NamedTuple):
    """A proxy and the environment variable that names it."""

    url: str
    variable: str

    @property
    def shown(self) -> str:
        """The variable and the address, without what may be a password."""
        parts = urlsplit(self.url)
        return f"{self.variable}={parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def socks(self) -> bool:
        """Whether it speaks SOCKS."""
        return self.url.lower().startswith("socks")


def proxy_for(address: str) -> Proxy | None:
    """The proxy for an address: of its scheme, else ALL_PROXY; none for loopback addresses and what NO_PROXY names.

    Raises UserError where it is no proxy's address, or a SOCKS proxy that needs packages which are not installed.
    """
    parts = urlsplit(address)
    if _loopback(parts.hostname or "") or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    found = next((one for name in (f"{parts.scheme}_proxy", "all_proxy") if (one := _named(name))), None)
    if found is None:
        return None
    if urlsplit(found.url).scheme not in _SCHEMES or not _has_port(found):
        raise UserError(
            f"{found.shown} is no address of a proxy; expected one such as http://proxy:3128 or socks5://proxy:1080."
        )
    missing = [name for name, package in _SOCKS_PACKAGES.items() if importlib.util.find_spec(name) is None]
    if found.socks and missing:
        packages = " ".join(_SOCKS_PACKAGES.values())
        raise UserError(
            f"{found.shown} is a SOCKS proxy, which needs two packages more: `specmill[socks]`, or pip install "
            f"{packages}. Or unset it, "
            f"or put {parts.hostname} into NO_PROXY."
        )
    return found


def httpx_proxy(address: str) -> dict[str, Any]:
    """The same for an httpx client, as its arguments."""
    proxy = proxy_for(address)
    return {"proxy": proxy.url if proxy else None, "trust_env": False}


def is_unreached(cause: BaseException) -> bool:
    """Whether an exception of an httpx client, of whichever major version, says that nothing was reached."""
    return type(cause).__name__ in {"ConnectError", "ConnectTimeout", "ProxyError"}


def unreached(address: str, detail: str) -> str:
    """Why an address was not reached, with the proxy that may be the reason."""
    proxy = proxy_for(address)
    return f"{detail} (through the proxy {proxy.shown})" if proxy else detail


def _named(name: str) -> Proxy | None:
    """What an environment variable says; its lower-case form wins, as everywhere."""
    for variable in (name, name.upper()):
        if value := os.environ.get(variable, "").strip():
            return Proxy(value if "://" in value else f"http://{value}", variable)
    return None


def _has_port(proxy: Proxy) -> bool:
    """Of a SOCKS proxy there is none that all programs take for granted."""
    try:
        return bool(urlsplit(proxy.url).port) or not proxy.socks
    except ValueError:  # no number
        return False


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
