"""Calls in a session and without, and calls that stream: servers that take turns."""

import os
import subprocess
from dataclasses import dataclass, field

from bench import measure
from bench.servers import (
    FASTD, FASTD_HTTP_SSE, FASTD_SESSION, ROOT, attempt, fastd_count, named, rmcp, rmcp_count,
    rmcp_on_fastd, say,
)

CONNECTIONS = 64
# Fewer than for the large table: these are exact too, but a call costs more.
INSTRUCTIONS_AT = (1_000, 4_000)


@dataclass(frozen=True)
class Comparison:
    """Servers in the order of the table, and what their CPU time is divided by."""

    # Of the part, and of its place in PERFORMANCE.md.
    name: str
    title: str
    servers: tuple
    # Heading → the server's name → the name of the one it is divided by.
    ratios: dict


@dataclass
class Seen:
    # One of each round, None where it failed.
    runs: list = field(default_factory=list)
    syscalls: float | None = None
    instructions: float | None = None


SESSIONS = Comparison(
    "sessions",
    "tools/call of `add`",
    (
        FASTD,
        FASTD_SESSION,
        rmcp("json", "-mimalloc"),
        rmcp("session", "-mimalloc"),
        rmcp("json"),
        rmcp("session"),
    ),
    {
        "CPU ÷ without a session": {
            "mcp-fastd-session": "mcp-fastd",
            "rmcp-session-mimalloc": "rmcp-json-mimalloc",
            "rmcp-session": "rmcp-json",
        },
        "CPU ÷ mcp-fastd": {
            "rmcp-json-mimalloc": "mcp-fastd",
            "rmcp-session-mimalloc": "mcp-fastd-session",
            "rmcp-json": "mcp-fastd",
            "rmcp-session": "mcp-fastd-session",
        },
    },
)

ON_WORKER = "mcp-fastd-progress-worker"
PROGRESS = Comparison(
    "progress",
    "tools/call of `count`",
    (
        fastd_count("shard"),
        fastd_count("worker"),
        rmcp_count("json", "-mimalloc"),
        rmcp_count("sse", "-mimalloc"),
        rmcp_count("json"),
        rmcp_count("sse"),
        fastd_count("shard", session=True),
        fastd_count("worker", session=True),
        rmcp_count("session", "-mimalloc"),
        rmcp_count("session"),
    ),
    {
        "CPU ÷ mcp-fastd on a worker": {
            "mcp-fastd-progress-shard": ON_WORKER,
            ON_WORKER: ON_WORKER,
            "rmcp-progress-json-mimalloc": ON_WORKER,
            "rmcp-progress-sse-mimalloc": ON_WORKER,
            "rmcp-progress-json": ON_WORKER,
            "rmcp-progress-sse": ON_WORKER,
            "mcp-fastd-progress-shard-session": f"{ON_WORKER}-session",
            f"{ON_WORKER}-session": f"{ON_WORKER}-session",
            "rmcp-progress-session-mimalloc": f"{ON_WORKER}-session",
            "rmcp-progress-session": f"{ON_WORKER}-session",
        },
    },
)

RMCP = Comparison(
    "rmcp",
    "tools/call of one handler written for rmcp",
    (
        rmcp("json", "-mimalloc"),
        rmcp_on_fastd(allocator="-mimalloc"),
        rmcp("json"),
        rmcp_on_fastd(),
        rmcp("session", "-mimalloc"),
        rmcp_on_fastd("tools_call_session", "-mimalloc"),
        rmcp("session"),
        rmcp_on_fastd("tools_call_session"),
        rmcp_count("json"),
        rmcp_on_fastd("tools_call_progress"),
    ),
    {
        "CPU ÷ the same handler on mcp-fastd": {
            "rmcp-json-mimalloc": "rmcp-handler-on-mcp-fastd-mimalloc",
            "rmcp-json": "rmcp-handler-on-mcp-fastd",
            "rmcp-session-mimalloc": "rmcp-handler-on-mcp-fastd-session-mimalloc",
            "rmcp-session": "rmcp-handler-on-mcp-fastd-session",
            "rmcp-progress-json": "rmcp-handler-on-mcp-fastd-progress",
        },
    },
)

HTTP_SSE = Comparison(
    "http_sse",
    "tools/call of `add`",
    (FASTD, FASTD_HTTP_SSE),
    {"CPU ÷ Streamable HTTP": {"mcp-fastd-http-sse": "mcp-fastd"}},
)

COMPARISONS = (SESSIONS, PROGRESS, RMCP, HTTP_SSE)


def run(setup, comparison, chosen):
    """Name of the server → what was seen, and the machine's load before and after."""
    selected = named(comparison.servers, chosen.only)
    seen = {server.name: Seen() for server in selected}
    loads = [os.getloadavg()[0]]
    for turn in range(chosen.rounds):
        say(f"{comparison.name}, round {turn + 1} of {chosen.rounds}")
        # There and back, so that no server always has the same neighbour.
        for server in selected if turn % 2 == 0 else reversed(selected):
            seen[server.name].runs.append(attempt(measure.run, setup, server, CONNECTIONS))
    loads.append(os.getloadavg()[0])
    for server in selected if not chosen.quick else ():
        say(f"{server.name}: system calls, instructions")
        own = seen[server.name]
        own.syscalls = attempt(measure.syscalls, setup, server)
        own.instructions = attempt(measure.instructions, setup, server, INSTRUCTIONS_AT)
    return seen, loads


def ratios(seen, server, base):
    """Pairs of ratio and run, of the rounds in which both were measured."""
    if base not in seen:
        return []
    both = zip(seen[server].runs, seen[base].runs, strict=True)
    return [(own["cpu_us"] / other["cpu_us"], own) for own, other in both if own and other]


def revision():
    """The commit of what is measured; changes to anything else do not count."""
    sources = ["--", "src", "examples/01_hello.rs", "Cargo.toml", "Cargo.lock"]
    commit = git("log", "-1", "--format=%h", "HEAD")
    return f"{commit}, changed" if git("status", "--porcelain", *sources) else commit


def git(*arguments):
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip()
