"""A SOCKS5 proxy (RFC 1928, with names and passwords by RFC 1929) that leads every host to one port of this machine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_PASSWORD, _NONE_FITS = 2, 0xFF
_NAME = 3  # the kind of address that is a host's name


@dataclass
class Socks:
    """Where it listens, and the hosts that it was asked for."""

    port: int = 0
    login: tuple[str, str] | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def socks_proxy(target: int, login: tuple[str, str] | None = None) -> AsyncIterator[Socks]:
    """One in the running event loop; it lets nobody in without `login` where that is given."""
    proxy, tasks = Socks(login=login), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            if await _greet(proxy, reader, writer):
                await _connect(proxy, target, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _greet(proxy: Socks, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    _, count = await reader.readexactly(2)
    offered = await reader.readexactly(count)
    method = _PASSWORD if proxy.login else 0
    writer.write(bytes([5, method if method in offered else _NONE_FITS]))
    if method not in offered:
        return False
    if proxy.login:
        given = []
        await reader.readexactly(1)
        for _ in proxy.login:
            [length] = await reader.readexactly(1)
            given.append((await reader.readexactly(length)).decode())
        writer.write(bytes([1, tuple(given) != proxy.login]))
        return tuple(given) == proxy.login
    return True


async def _connect(proxy: Socks, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, _, _, kind = await reader.readexactly(4)
    length = (await reader.readexactly(1))[0] if kind == _NAME else 4
    host, port = await reader.readexactly(length), int.from_bytes(await reader.readexactly(2))
    proxy.asked.append((host.decode() if kind == _NAME else ".".join(map(str, host)), port))
    inner, outer = await asyncio.open_connection("127.0.0.1", target)
    writer.write(bytes([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
    await asyncio.gather(_relay(reader, outer), _relay(inner, writer))


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
