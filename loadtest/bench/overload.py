"""What twice the load does to the calls that are accepted.

Unloaded is a fifth of what the server can do; requests come at a fixed rate, and count from when
they were due (no "coordinated omission"). What comes before the overload is long past when it
begins, and its first second counts as the others do. Rounds alternate, since a machine's speed
drifts; the table has the medians.
"""

import os
import statistics
from dataclasses import replace

from bench import measure
from bench.servers import DAEMON, EXAMPLE_COUNT, FASTD, LOADTEST, Server, attempt, say, started

SERVERS = (
    Server("a worker sleeps 5 ms", None, EXAMPLE_COUNT, FASTD.arguments + " --naps on", "nap"),
    Server("the same, no bound on the wait", None, EXAMPLE_COUNT,
           FASTD.arguments + " --naps on --queue-delay-ms 0", "nap"),
    Server("search_documents of the daemon", None, DAEMON, "--bind {bind} --log off",
           "search_documents"),
    Server("quick, on a shard", None, EXAMPLE_COUNT, FASTD.arguments, "tools_call"),
)
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
    def ask(bind, *more):
        arguments = ["--refusals", "--duration", setup.seconds, *more]
        return measure.load(setup, server, bind, *arguments, cpu=setup.load_cpu)

    unbounded = replace(server, arguments=server.arguments + UNBOUNDED[server.binary])
    with started(setup, unbounded, {setup.server_cpu}) as (_, bind):
        able = ask(bind, "--connections", 16, "--warmup", "1")["rps"]
    rates = [max(1, int(able * share)) for share in SHARES]
    with started(setup, server, {setup.server_cpu}) as (_, bind):
        quiet, loud = [ask(bind, "--connections", CONNECTIONS, "--rate", rate, "--warmup", "0")
                       for rate in rates]
    say(f"  {server.name}: {able:,.0f} a second")
    return able, quiet, loud


def middle(results):
    """The run whose ratio is the median, and what all ratios are."""
    ratios = [loud["p99_us"] / quiet["p99_us"] for _, quiet, loud in results]
    median = statistics.median_low(ratios)
    return results[ratios.index(median)], sorted(ratios)
