"""One measurement each: CPU and latency, system calls, instructions, memory."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.servers import FASTD, FLOOR, Failure, free_address, say, started, stop

# Requests of the runs that count exactly; the difference drops what starting costs.
INSTRUCTIONS_AT = (4_000, 16_000)
SYSCALLS_REQUESTS = 50_000
STRACE_REQUESTS = 10_000
# For comparing latencies: a rate that all the servers can keep, which is less
# than in closed loop, since each request has to wake them.
RATE = 10_000
# Time for starting a server or two, for opening connections, and for warming up.
REPLICAS_READY_SECONDS = 1.5
CPU_KEYS = ("server_cpu_ns", "server_user_ticks", "server_system_ticks")
# The answer of mcp-fastd in a build of which nothing is known yet.
RESPONSE_BYTES_DEFAULT = 223


@dataclass
class Setup:
    binaries: dict
    server_cpu: int = 0
    load_cpu: int = 1
    seconds: float = 1.5
    request_bytes: int = 0
    response_bytes: int = RESPONSE_BYTES_DEFAULT


@dataclass
class Result:
    """All that was seen of one server; what is missing was not measured."""

    # connections → list of (ratio to the floor, the run of the server)
    pairs: dict = field(default_factory=dict)
    rated: list = field(default_factory=list)
    syscalls: float | None = None
    instructions: float | None = None
    idle_kb: float | None = None


@dataclass
class Scaled:
    """What was seen of one number of shards."""

    runs: list = field(default_factory=list)
    instructions: float | None = None


def size_up(setup, ask_fastd):
    """The lengths the floor is given: those of mcp-fastd's request and answer."""
    command = [setup.binaries["load"], "--target", free_address(), "--print-request"]
    setup.request_bytes = len(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    if ask_fastd:
        with started(setup, FASTD) as (_, bind):
            setup.response_bytes = answer_bytes(setup, bind)


def answer_bytes(setup, bind):
    command = [setup.binaries["load"], "--target", bind, "--print-request"]
    request = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    host, port = bind.rsplit(":", 1)
    answer = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(request)
        while True:
            piece = connection.recv(65_536)
            answer += piece
            head, end, _ = answer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if end and length and len(answer) >= len(head) + 4 + int(length[1]):
                return len(answer)
            if not piece:
                raise Failure(f"mcp-fastd's answer has no length: {answer[:300]!r}")


def load(setup, server, bind, *arguments, cpu=None, wrapper=()):
    """One run of the generator; its figures."""
    return heard(server, loading(setup, server, bind, *arguments, cpu=cpu, wrapper=wrapper))


def loading(setup, server, bind, *arguments, cpu=None, wrapper=()):
    """The generator, which is running."""
    command = [*wrapper, setup.binaries["load"], "--target", bind]
    command += ["--scenario", server.scenario, "--json", *map(str, arguments)]
    if cpu is not None:
        command += ["--pin", str(cpu)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def heard(server, generator):
    """What a generator has to say when it is done."""
    out, complaint = generator.communicate()
    if generator.returncode != 0:
        raise Failure(f"{server.name}: {complaint.strip()[:400]}")
    return json.loads(out)


def run(setup, server, connections, *more, idle=None):
    """CPU time and latency of a server that was started for this.

    `idle` is a scenario and how many connections of it are open meanwhile.
    """
    with contextlib.ExitStack() as stack:
        process, bind = stack.enter_context(started(setup, server, {setup.server_cpu}))
        if idle:
            stack.enter_context(holding(setup, server, bind, *idle))
        arguments = ["--connections", connections, "--duration", setup.seconds, *more]
        arguments += ["--watch-pid", process.pid]
        figures = load(setup, server, bind, *arguments, cpu=setup.load_cpu)
    if figures["requests"] == 0:
        raise Failure(f"{server.name}: no requests")
    figures["cpu_us"] = figures["server_cpu_ns"] / 1000 / figures["requests"]
    return figures


def pair(setup, server, connections, floor_first):
    """Server and floor next to each other, since a machine's speed drifts."""
    order = [FLOOR, server] if floor_first else [server, FLOOR]
    figures = [run(setup, each, connections) for each in order]
    floor, own = figures if floor_first else reversed(figures)
    return own["cpu_us"] / floor["cpu_us"], own


def replicas(setup, processes):
    """Shards side by side, each with a client of its own on its own CPU.

    `processes` are pairs of a server and the CPUs of its shards. Each generator
    uses only connections that are served from its CPU, so that what happens on
    one CPU is the same however many there are, and all measure the same time.
    """
    start = time.time() + REPLICAS_READY_SECONDS
    arguments = ["--connections", 64, "--duration", setup.seconds, "--start", start, "--same-cpu"]
    with contextlib.ExitStack() as stack:
        running = []
        for server, cpus in processes:
            process, bind = stack.enter_context(started(setup, server, set(cpus)))
            watch = ["--watch-pid", process.pid]
            for cpu in cpus:
                generator = loading(setup, server, bind, *arguments, *watch, cpu=cpu)
                running.append((server, len(cpus), generator))
        # All are waited for before one may fail.
        for _, _, generator in running:
            generator.wait()
        seen = [(heard(server, generator), shards) for server, shards, generator in running]
    # Generators of one process have all seen all of its CPU time.
    sums = {key: sum(figures[key] / shards for figures, shards in seen) for key in CPU_KEYS}
    sums["requests"] = sum(figures["requests"] for figures, _ in seen)
    sums["rps"] = sum(figures["rps"] for figures, _ in seen)
    sums["cpu_us"] = sums["server_cpu_ns"] / 1000 / sums["requests"]
    return sums


def rated(setup, server):
    return run(setup, server, 64, "--rate", RATE)


def syscalls(setup, server):
    """System calls a request at 64 connections."""
    with started(setup, server, {setup.server_cpu}) as (process, bind):
        if usable("perf") and perf_works():
            return count_with_perf(setup, server, process.pid, bind)
        if usable("strace"):
            return count_with_strace(setup, server, process.pid, bind)
    return None


def perf_works():
    command = ["perf", "stat", "-e", "raw_syscalls:sys_enter", "--", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def count_with_perf(setup, server, pid, bind):
    """The kernel counts; the server hardly slows down."""
    with tempfile.NamedTemporaryFile("r") as out:
        wrapper = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter"]
        wrapper += ["-p", str(pid), "-o", out.name, "--"]
        arguments = ["--connections", 64, "--requests", SYSCALLS_REQUESTS]
        figures = load(setup, server, bind, *arguments, cpu=setup.load_cpu, wrapper=wrapper)
        lines = [line for line in out.read().splitlines() if "sys_enter" in line]
    return int(lines[0].split(",")[0]) / figures["requests_all"]


def count_with_strace(setup, server, pid, bind):
    with tempfile.NamedTemporaryFile("r") as out:
        command = ["strace", "-c", "-f", "-p", str(pid), "-o", out.name]
        tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        figures = load(setup, server, bind, "--connections", 64, "--requests", STRACE_REQUESTS)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(timeout=20)
        total = [line for line in out.read().splitlines() if line.endswith(" total")]
    return int(total[0].split()[3]) / figures["requests_all"] if total else None


def instructions(setup, server, requests=INSTRUCTIONS_AT):
    """User instructions a request: exact, whatever else the machine does."""
    if not usable("valgrind"):
        return None
    few, many = (instructions_at(setup, server, count) for count in requests)
    return (many - few) / (requests[1] - requests[0])


def instructions_at(setup, server, requests):
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "callgrind"
        wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "-q"]
        with started(setup, server, wrapper=wrapper) as (_, bind):
            seen = load(setup, server, bind, "--connections", 64, "--requests", requests)
        found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    if not found:
        raise Failure(f"{server.name}: callgrind wrote no total")
    if seen["requests_all"] != requests:
        raise Failure(f"{server.name}: too slow to count instructions")
    return int(found[1])


def idle_kb(setup, server, connections):
    """Resident memory that one idle connection adds, the kernel's aside."""
    with started(setup, server, {setup.server_cpu}) as (process, bind):
        load(setup, server, bind, "--connections", 1, "--requests", 100)
        before = resident_kb(process.pid)
        with holding(setup, server, bind, server.scenario, connections):
            return (resident_kb(process.pid) - before) / connections


@contextlib.contextmanager
def holding(setup, server, bind, scenario, connections):
    """Connections that have asked once, and then do nothing."""
    command = [setup.binaries["load"], "--target", bind, "--scenario", scenario]
    command += ["--idle", str(connections), "--hold", "120", "--pin", str(setup.load_cpu)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        if not holder.stdout.readline().startswith(b"holding"):
            message = holder.stderr.read().decode(errors="replace").strip()
            raise Failure(f"{server.name}, {connections} idle connections: {message[:300]}")
        time.sleep(0.3)
        yield
    finally:
        stop(holder)
        holder.stdout.close()
        holder.stderr.close()


def resident_kb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def usable(tool):
    """Whether a tool is there; as root on Debian it is installed if not."""
    if shutil.which(tool):
        return True
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"installing {tool}")
    with contextlib.suppress(OSError):
        command = ["apt-get", "install", "--yes", "--quiet", tool]
        subprocess.run(command, capture_output=True, check=False)
    return shutil.which(tool) is not None
