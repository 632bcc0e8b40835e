"""HTTP+SSE: what it costs those who do not use it, many streams at once, and idle ones."""

import contextlib
import os
import resource
from dataclasses import dataclass, field

from bench import compare, held, measure
from bench.servers import FASTD_HTTP_SSE, Failure, attempt, fastd_add, say, started

STREAMS = 1_000
STREAMS_HELD = 10_000
OFF = "Streamable HTTP, HTTP+SSE off"
ON = "Streamable HTTP, HTTP+SSE on"
IDLE = f"Streamable HTTP, {STREAMS:,} idle streams of HTTP+SSE"
SERVERS = (fastd_add(OFF, 0), fastd_add(ON, STREAMS))
MANY = f"{FASTD_HTTP_SSE.name}-{STREAMS}"


@dataclass
class Beside:
    # Name of the row → what was seen of it.
    rows: dict = field(default_factory=dict)
    loads: list = field(default_factory=list)
    # Bytes of each idle stream, its connection and its session, and how many there were.
    stream_bytes: float | None = None
    streams: int = 0


def run(setup, chosen):
    off, on = SERVERS
    runs = {
        OFF: lambda: measure.run(setup, off, compare.CONNECTIONS),
        ON: lambda: measure.run(setup, on, compare.CONNECTIONS),
        IDLE: lambda: measure.run(
            setup, on, compare.CONNECTIONS, idle=(FASTD_HTTP_SSE.scenario, STREAMS)
        ),
        MANY: lambda: measure.run(setup, FASTD_HTTP_SSE, STREAMS),
    }
    seen = Beside({name: compare.Seen() for name in runs}, [os.getloadavg()[0]])
    for turn in range(chosen.rounds):
        say(f"beside HTTP+SSE, round {turn + 1} of {chosen.rounds}")
        for name in runs if turn % 2 == 0 else reversed(runs):
            seen.rows[name].runs.append(attempt(runs[name]))
    for server in SERVERS if not chosen.quick else ():
        say(f"{server.name}: instructions")
        seen.rows[server.name].instructions = attempt(measure.instructions, setup, server)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    streams = min(STREAMS_HELD, chosen.streams, files - held.FILES_BESIDE - held.WARM)
    say(f"{streams} idle streams of HTTP+SSE")
    seen.stream_bytes, seen.streams = attempt(hold, setup, streams), streams
    seen.loads.append(os.getloadavg()[0])
    return seen


def hold(setup, streams):
    """Bytes by which each stream makes the server grow."""
    server = fastd_add("mcp-fastd-http-sse-held", streams + held.WARM)
    with started(setup, server, {setup.server_cpu}) as (process, bind):
        resident = held.Resident(process.pid)
        with contextlib.ExitStack() as stack:
            def open_streams(count):
                opened = []
                for _ in range(count):
                    opened.append(stack.enter_context(contextlib.closing(held.connect(bind))))
                    held.listen(opened[-1], bind)
                return opened

            connections = open_streams(held.WARM)
            resident.grown()
            connections += open_streams(streams)
            each = resident.grown() / streams
            if lost := sum(held.ended(connection) for connection in connections):
                raise Failure(f"{server.name}: {lost} of {streams} streams ended")
    return each
