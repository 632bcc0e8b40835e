"""Which servers there are, how to build them and how to start them.

A server is started anew for each measurement, pinned to its CPU, and is ready
when it accepts a connection.
"""

import contextlib
import json
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADTEST = ROOT / "loadtest"
EXAMPLE = "01_hello"
EXAMPLE_COUNT = "load_server"
DAEMON = "mcp-fastd"
READY_SECONDS_MAX = 20.0


class Failure(Exception):
    """A measurement that could not be made; the message is for people."""


@dataclass(frozen=True)
class Server:
    name: str
    # The cargo package in loadtest/, or None for the daemon or an example of the root crate.
    package: str | None
    binary: str
    # With {bind}, {request_bytes} and {response_bytes} to fill in.
    arguments: str
    scenario: str = "tools_call"
    # Asks for events without sleeping.
    spins: bool = False


FIXED = "--bind {bind} --response-bytes {response_bytes}"
FLOOR = Server("floor", "loadtest", "floor", FIXED + " --request-bytes {request_bytes}")
FASTD = Server("mcp-fastd", None, EXAMPLE, "--bind {bind} --cores 1")
FASTD_TWO = Server("mcp-fastd-2", None, EXAMPLE, "--bind {bind} --cores 2")


FASTD_SESSION = Server("mcp-fastd-session", None, EXAMPLE, FASTD.arguments, "tools_call_session")


FASTD_HTTP_SSE = Server(
    "mcp-fastd-http-sse", None, EXAMPLE, FASTD.arguments, "tools_call_http_sse"
)


def fastd_add(name, streams):
    """`add` again, with so many streams of HTTP+SSE at most; 0 is without it."""
    arguments = FASTD.arguments + f" --http-sse {streams}"
    return Server(name, None, EXAMPLE_COUNT, arguments)


def fastd_count(placement, session=False):
    end = "_session" if session else ""
    name = f"mcp-fastd-progress-{placement}" + end.replace("_", "-")
    arguments = FASTD.arguments + f" --on {placement}"
    return Server(name, None, EXAMPLE_COUNT, arguments, "tools_call_progress" + end)


def rmcp_count(mode, allocator=""):
    plain = rmcp(mode, allocator)
    scenario = plain.scenario.replace("tools_call", "tools_call_progress")
    name = f"rmcp-progress-{mode}{allocator}"
    return replace(plain, name=name, scenario=scenario)


def rmcp(mode, allocator=""):
    scenario = "tools_call_session" if mode == "session" else "tools_call"
    arguments = f"--bind {{bind}} --mode {mode}"
    binary = "peer-rmcp" + allocator
    return Server(f"rmcp-{mode}{allocator}", "peer-rmcp", binary, arguments, scenario)


def rmcp_on_fastd(scenario="tools_call", allocator=""):
    """The same handler in the same program, on mcp-fastd's engine."""
    name = f"rmcp-handler-on-mcp-fastd{scenario.removeprefix('tools_call').replace('_', '-')}"
    arguments = "--bind {bind} --mode fastd"
    binary = "peer-rmcp" + allocator
    return Server(name + allocator, "peer-rmcp", binary, arguments, scenario)


SERVERS = [
    FLOOR,
    FASTD,
    Server("mcp-fastd-spin", None, EXAMPLE, FASTD.arguments + " --spin 50", spins=True),
    FASTD_SESSION,
    Server("may_minihttp", "peer-may", "peer-may", FIXED),
    Server("hyper", "peer-hyper", "peer-hyper", FIXED),
    rmcp("json", "-mimalloc"),
    rmcp("json"),
    rmcp("session", "-mimalloc"),
    rmcp("session"),
    rmcp("sse", "-mimalloc"),
    rmcp("sse"),
]


def named(servers, only):
    """Those of the servers that are wanted, in the order of the table."""
    return [server for server in servers if not only or server.name in only]


def build(servers):
    """Builds what the servers and the generator need; binary name → path."""
    binaries = {}
    packages = {server.package for server in servers} | {"loadtest"}
    own = {server.binary for server in servers if server.package is None}
    if DAEMON in own:
        binaries |= cargo(ROOT, ["--bin", DAEMON])
    for example in sorted(own - {DAEMON}):
        if not (ROOT / "examples" / f"{example}.rs").exists():
            raise Failure(f"mcp-fastd needs examples/{example}.rs, which does not exist")
        binaries |= cargo(ROOT, ["--example", example])
    # One build for each, so that no peer is given another's features.
    for package in sorted(packages - {None}):
        binaries |= cargo(LOADTEST, ["--package", package])
    return binaries


def cargo(directory, arguments):
    say(f"building {arguments[-1]}")
    command = ["cargo", "build", "--release", "--message-format=json-render-diagnostics"]
    done = subprocess.run(
        command + arguments, cwd=directory, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise Failure(f"cargo build {' '.join(arguments)} failed")
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    paths = [message["executable"] for message in messages if message.get("executable")]
    return {Path(path).name: path for path in paths}


def raise_open_files():
    """For this process and all it starts; root may raise the hard limit too."""
    wanted = 65_536
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_address():
    """Five digits, below the ports given to clients: each request is as long."""
    for _ in range(100):
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return f"127.0.0.1:{port}"
    raise Failure("no free port")


@contextlib.contextmanager
def started(setup, server, cpus=(), wrapper=()):
    """The running server, kept on these CPUs: its process and its address."""
    bind = free_address()
    sizes = {"request_bytes": setup.request_bytes, "response_bytes": setup.response_bytes}
    arguments = server.arguments.format(bind=bind, **sizes).split()
    command = [*wrapper, setup.binaries[server.binary], *arguments]
    pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, preexec_fn=pin
        )
        try:
            wait_ready(process, server, bind)
            yield process, bind
        except Failure as failure:
            # What the server had to say is often the reason.
            raise Failure(f"{failure}{last_words(process, log)}") from failure
        finally:
            stop(process)


def last_words(process, log):
    log.seek(0)
    words = log.read().decode(errors="replace").strip()[-400:]
    end = "" if process.poll() is None else f"; the server ended with {process.returncode}"
    return f"{end}; it said: {words}" if words else end


def wait_ready(process, server, bind):
    host, port = bind.rsplit(":", 1)
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failure(f"{server.name} ended at once")
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        time.sleep(0.02)
    raise Failure(f"{server.name} does not accept connections")


def stop(process):
    """Asks, then insists."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def attempt(measurement, *arguments, **named_arguments):
    """What could not be measured is said, and the rest goes on."""
    try:
        return measurement(*arguments, **named_arguments)
    except Failure as failure:
        say(f"  {failure}")
        return None


def say(message):
    print(message, file=sys.stderr, flush=True)
