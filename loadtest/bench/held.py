"""Memory of sessions and streams that nobody uses, and the CPU time they take.

Sessions are begun as a client begins them (`initialize`, then `initialized`).
Then come connections, each with one notification behind it, so that what a
connection itself needs is there; then each of them asks for its session's
stream (GET), of which nothing is read but the beginning.
"""

import contextlib
import re
import resource
import socket
import time
from dataclasses import dataclass

from bench import measure
from bench.servers import FASTD_SESSION, Failure, attempt, named, rmcp, say, started

SERVERS = (FASTD_SESSION, rmcp("session", "-mimalloc"), rmcp("session"))
# What has its price once is paid before anything is counted.
WARM = 500
# Files that are neither streams nor connections, on either side.
FILES_BESIDE = 600
SETTLE_SECONDS = 1.0
PROTOCOL = b"2025-11-25"
INITIALIZE = (
    b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
    b'"capabilities":{},"clientInfo":{"name":"bench","version":"1.0.0"}}}'
)
INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


@dataclass
class Held:
    session_bytes: float
    connection_bytes: float
    stream_bytes: float
    streams: int
    # Of one core, while all streams are open and idle.
    idle_share: float


def run(setup, chosen):
    """Name of the server → what was seen, round by round."""
    seen = {server.name: [] for server in named(SERVERS, chosen.only)}
    for turn in range(chosen.held_rounds):
        for server in named(SERVERS, chosen.only):
            say(f"{server.name}: sessions and streams, round {turn + 1} of {chosen.held_rounds}")
            held = attempt(hold, setup, server, chosen)
            seen[server.name].extend([held] if held else [])
    return seen


def hold(setup, server, chosen):
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    streams = min(chosen.streams, files - FILES_BESIDE)
    with started(setup, server, {setup.server_cpu}) as (process, bind):
        resident = Resident(process.pid)
        with contextlib.closing(connect(bind)) as one:
            for _ in range(WARM):
                begin(one, bind)
            resident.grown()
            sessions = [begin(one, bind) for _ in range(chosen.sessions)]
            session_bytes = resident.grown() / chosen.sessions
            sessions += [begin(one, bind) for _ in range(streams - len(sessions))]
        resident.grown()
        with contextlib.ExitStack() as stack:
            connections = []
            for session in sessions[:streams]:
                connections.append(stack.enter_context(contextlib.closing(connect(bind))))
                post(connections[-1], bind, INITIALIZED, session)
            connection_bytes = resident.grown() / streams
            for connection, session in zip(connections, sessions):
                listen(connection, bind, session)
            stream_bytes = resident.grown() / streams
            before, start = cpu_seconds(process.pid), time.monotonic()
            time.sleep(chosen.idle_seconds)
            share = (cpu_seconds(process.pid) - before) / (time.monotonic() - start)
            if lost := sum(ended(connection) for connection in connections):
                raise Failure(f"{server.name}: {lost} of {streams} streams ended")
    return Held(session_bytes, connection_bytes, stream_bytes, streams, share)


class Resident:
    """A process's resident memory, from one question to the next."""

    def __init__(self, pid):
        self.pid, self.last_kb = pid, measure.resident_kb(pid)

    def grown(self):
        """Bytes since the last time."""
        time.sleep(SETTLE_SECONDS)
        before, self.last_kb = self.last_kb, measure.resident_kb(self.pid)
        return (self.last_kb - before) * 1024


def cpu_seconds(pid):
    """Of all threads, by the clock of the process: exact, where ticks are 10 ms."""
    # The inverse of what the kernel does in include/linux/posix-timers.h.
    return time.clock_gettime((~pid << 3) | 2)


def connect(bind):
    host, port = bind.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def begin(connection, bind):
    """A new session's name."""
    head = post(connection, bind, INITIALIZE)
    found = re.search(rb"(?i)\r\nmcp-session-id: *([^\r]+)", head)
    if not found:
        raise Failure(f"no session was given: {head[:300]!r}")
    post(connection, bind, INITIALIZED, found[1])
    return found[1]


def post(connection, bind, body, session=None):
    """The head of the answer; the answer is read to its end."""
    head = b"POST /mcp HTTP/1.1\r\nHost: %s\r\n" % bind.encode()
    head += b"Content-Type: application/json\r\n"
    head += b"Accept: application/json, text/event-stream\r\n"
    if session:
        head += b"MCP-Protocol-Version: %s\r\nMcp-Session-Id: %s\r\n" % (PROTOCOL, session)
    connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head, rest = read_head(connection)
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    chunked = re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head)
    while chunked and not rest.endswith(b"0\r\n\r\n"):
        rest += read(connection)
    while length and len(rest) < int(length[1]):
        rest += read(connection)
    if not head.startswith(b"HTTP/1.1 20"):
        raise Failure(f"not the answer expected: {head + rest[:300]!r}")
    return head


def listen(connection, bind, session=None):
    """Opens the session's stream; without one, that of HTTP+SSE, which begins a session."""
    path = b"/mcp" if session else b"/sse"
    head = b"GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n" % (path, bind.encode())
    if session:
        head += b"MCP-Protocol-Version: %s\r\nMcp-Session-Id: %s\r\n" % (PROTOCOL, session)
    connection.sendall(head + b"\r\n")
    head, _ = read_head(connection)
    if not (head.startswith(b"HTTP/1.1 200") and b"text/event-stream" in head):
        raise Failure(f"no stream: {head[:300]!r}")


def read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += read(connection)
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def read(connection):
    try:
        piece = connection.recv(65_536)
    except OSError as error:
        raise Failure(f"no answer: {error}") from error
    if not piece:
        raise Failure("the server closed a connection")
    return piece


def ended(connection):
    """Whether the server has closed it; what else it said is thrown away."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while piece := connection.recv(65_536):
            if piece.endswith(b"\r\n0\r\n\r\n"):
                return True
        return True
    return False
