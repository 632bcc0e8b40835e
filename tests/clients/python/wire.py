"""A wire between client and server that can be cut: both sides see the connection reset."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Wire:
    def __init__(self) -> None:
        self.url = ""
        self.ends: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        for end in self.ends:
            end.transport.abort()

    async def carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self.ends.add(sink)
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            self.ends.discard(sink)
            sink.close()


@asynccontextmanager
async def open_wire(url: str):
    """A wire to the server of `url`; `wire.url` is where clients find the server through it."""
    server, wire = urlsplit(url), Wire()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(server.hostname, server.port)
        await asyncio.gather(wire.carry(reader, far_writer), wire.carry(far_reader, writer))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    wire.url = f"http://127.0.0.1:{port}{server.path}"
    try:
        yield wire
    finally:
        listener.close()
        wire.cut()
