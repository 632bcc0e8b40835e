"""What twice the load does to the calls that are accepted.

Unloaded is a fifth of what the server can do; requests come at a fixed rate, and count from when
they were due (no "coordinated omission"). What comes before the overload is long past when it
begins, and its first second counts as the others do. Rounds alternate, since a machine's speed
drifts; the table has the medians.

Where memory is short no call for a worker is accepted at all. What is accepted are quick calls, which
come at a rate of their own; the load beside them are calls for workers, all of which are refused.
"""

import os
import statistics
import time
from dataclasses import replace

from bench import measure
from bench.servers import (
    DAEMON, EXAMPLE_COUNT, FASTD, LOADTEST, Failure, Server, attempt, say, started,
)

SERVERS = (
    Server("a worker sleeps 5 ms", None, EXAMPLE_COUNT, FASTD.arguments + " --naps on", "nap"),
    Server("the same, no bound on the wait", None, EXAMPLE_COUNT,
           FASTD.arguments + " --naps on --queue-delay-ms 0", "nap"),
    Server("search_documents of the daemon", None, DAEMON, "--bind {bind} --log off",
           "search_documents"),
    Server("quick, on a shard", None, EXAMPLE_COUNT, FASTD.arguments, "tools_call"),
    Server("quick beside naps that memory is too short for", None, EXAMPLE_COUNT, FASTD.arguments + " --naps on",
           "tools_call"),
)
NAPS, SHORT_OF_MEMORY = SERVERS[0], SERVERS[-1]
# No process has so little.
MEMORY = " --memory-max 1"
QUICK_RATE = 20_000
# What it can do is seen where nothing is refused.
UNBOUNDED = {
    EXAMPLE_COUNT: " --queue-delay-ms 0",
    DAEMON: f" --config {LOADTEST / 'bench' / 'unbounded.toml'}",
}
CONNECTIONS = 512
# Of what the server can do: hardly anything, and twice as much.
SHARES = (0.2, 2.0)


def run(setup, chosen):
    """Name of the server → its median round and all ratios; and the load of the machine before."""
    wanted = [each for each in SERVERS if not chosen.only or each.name in chosen.only]
    seen = {each.name: [] for each in wanted}
    before = os.getloadavg()[0]
    for turn in range(chosen.rounds):
        say(f"overload, round {turn + 1} of {chosen.rounds}")
        for each in wanted:
            result = attempt(measure_one, setup, each)
            seen[each.name] += [result] if result else []
    return {name: middle(results) for name, results in seen.items() if results}, before


def measure_one(setup, server):
    is_short = server is SHORT_OF_MEMORY
    able = ability(setup, NAPS if is_short else server)
    say(f"  {server.name}: {able:,.0f} a second")
    phase = beside_naps if is_short else alone
    arguments = server.arguments + (MEMORY if is_short else "")
    with started(setup, replace(server, arguments=arguments), {setup.server_cpu}) as (_, bind):
        # Ten times a second it looks how much memory it has.
        time.sleep(0.5 if is_short else 0)
        quiet, loud = [phase(setup, server, bind, max(1, int(able * share))) for share in SHARES]
    return able, quiet, loud


def ability(setup, server):
    """What it can do in a second."""
    unbounded = replace(server, arguments=server.arguments + UNBOUNDED[server.binary])
    with started(setup, unbounded, {setup.server_cpu}) as (_, bind):
        at_most = ["--connections", 16, "--duration", setup.seconds, "--warmup", 1]
        return measure.load(setup, server, bind, *at_most, cpu=setup.load_cpu)["rps"]


def alone(setup, server, bind, rate):
    return measure.heard(server, asking(setup, server, bind, rate))


def beside_naps(setup, server, bind, rate):
    """Quick calls, and beside them so many calls for workers; of the latter what was refused."""
    naps = asking(setup, NAPS, bind, rate)
    quick = alone(setup, server, bind, QUICK_RATE)
    refused = measure.heard(NAPS, naps)
    if refused["requests"] or quick["refused"]:
        raise Failure(f"{server.name}: refused was something else than calls for workers")
    return quick | {key: refused[key] for key in ("refused", "refused_p99_us")}


def asking(setup, server, bind, rate):
    """The generator, which asks at this rate."""
    arguments = ["--connections", CONNECTIONS, "--rate", rate, "--refusals"]
    arguments += ["--duration", setup.seconds, "--warmup", 0]
    return measure.loading(setup, server, bind, *arguments, cpu=setup.load_cpu)


def middle(results):
    """The run whose ratio is the median, and what all ratios are."""
    ratios = [loud["p99_us"] / quiet["p99_us"] for _, quiet, loud in results]
    median = statistics.median_low(ratios)
    return results[ratios.index(median)], sorted(ratios)
