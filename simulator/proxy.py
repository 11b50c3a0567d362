"""A TCP proxy: the network between a client and a server, as bad as a test wants it."""

import asyncio
import contextlib
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Literal, Self

from simulator.certificates import issue
from simulator.ports import bind_free, port_of

_CHUNK = 1 << 16
_RESET = struct.pack("ii", 1, 0)  # linger for no time: close() sends RST
Direction = Literal["up", "down"]


class Proxy:
    """Forwards TCP connections from a port of 127.0.0.1 to the server on another.

    With `tls` clients speak TLS to it, and it plain TCP to the server; `ca` is
    then the file of the authority to trust, for SSL_CERT_FILE. `delay_up` (to
    the server) and `delay_down`, in seconds, hold back each piece of data.

    `connections`, `bytes_up`, `bytes_down` and `round_trips` count what went
    through. A round trip begins when a client sends after it was answered.
    """

    def __init__(self, target: int, tls: bool = False) -> None:
        self.delay_up = self.delay_down = 0.0
        self.connections = self.bytes_up = self.bytes_down = self.round_trips = 0
        self.ca: Path | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._target = target
        self._listener = bind_free()
        self.port = port_of(self._listener)
        context = self._certified() if tls else None
        self._links: set[asyncio.Task[None]] = set()
        started = threading.Event()
        self._thread = threading.Thread(
            target=asyncio.run, args=[self._main(context, started)], daemon=True
        )
        self._thread.start()
        started.wait()

    def black_hole(self) -> None:
        """Forward nothing any more, not even an end; accept connections all the same."""
        self._run(self._forward(False))

    def heal(self) -> None:
        """Forward again, first of all what was held back."""
        self._run(self._forward(True))

    def cut(self) -> None:
        """Reset the connections there are; new ones are welcome."""
        self._run(self._cut())

    def close(self) -> None:
        """Reset all connections, stop listening, end the thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _certified(self) -> ssl.SSLContext:
        self._folder = tempfile.TemporaryDirectory(prefix="proxy-")
        self.ca, certificate, key = issue(Path(self._folder.name))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    async def _main(self, context: ssl.SSLContext | None, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()
        server = await asyncio.start_server(self._link, sock=self._listener, ssl=context)
        started.set()
        await self._stopping.wait()
        server.close()
        await self._cut()

    async def _forward(self, on: bool) -> None:
        if on:
            self._open.set()
        else:
            self._open.clear()

    async def _cut(self) -> None:
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one client to a connection of its own to the server."""
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        self.connections += 1
        writers = [writer]
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(up_writer)
            await self._pump_both(reader, writer, up_reader, up_writer)
        except OSError:
            pass  # the server refuses, or one side is gone
        except asyncio.CancelledError:
            for either in writers:
                _reset(either)
        finally:
            self._links.discard(link)
            for either in writers:
                either.close()

    async def _pump_both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        """Forward both ways until one side ends."""
        answered = asyncio.Event()
        answered.set()
        pumps = [
            asyncio.create_task(self._pump(reader, up_writer, "up", answered)),
            asyncio.create_task(self._pump(up_reader, writer, "down", answered)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        direction: Direction,
        answered: asyncio.Event,
    ) -> None:
        while data := await source.read(_CHUNK):
            await asyncio.sleep(self.delay_up if direction == "up" else self.delay_down)
            await self._open.wait()
            self._count(direction, len(data), answered)
            sink.write(data)
            await sink.drain()
        await self._open.wait()

    def _count(self, direction: Direction, size: int, answered: asyncio.Event) -> None:
        if direction == "down":
            self.bytes_down += size
            answered.set()
            return
        self.bytes_up += size
        self.round_trips += answered.is_set()
        answered.clear()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _reset(writer: asyncio.StreamWriter) -> None:
    bare = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
