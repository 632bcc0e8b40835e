"""What twice the load does to the calls that are accepted.

Unloaded is a fifth of what the server can do; requests come at a fixed rate, and count from when
they were due (no "coordinated omission").
"""

from bench import measure
from bench.servers import EXAMPLE_COUNT, FASTD, Server, attempt, say, started

SERVERS = (
    Server("a worker sleeps 5 ms", None, EXAMPLE_COUNT, FASTD.arguments + " --naps on", "nap"),
    Server("the same, no bound on the wait", None, EXAMPLE_COUNT,
           FASTD.arguments + " --naps on --queue-delay-ms 0", "nap"),
    Server("quick, on a shard", None, EXAMPLE_COUNT, FASTD.arguments, "tools_call"),
)
CONNECTIONS = 512
# Of what the server can do: hardly anything, and twice as much.
SHARES = (0.2, 2.0)


def run(setup):
    """Name of the server → what it can do, and what was seen at each share of that."""
    return {each.name: attempt(measure_one, setup, each) for each in SERVERS}


def measure_one(setup, server):
    with started(setup, server, {setup.server_cpu}) as (_, bind):
        ask = lambda *more: measure.load(  # noqa: E731
            setup, server, bind, "--refusals", "--duration", setup.seconds, "--warmup", "1",
            *more, cpu=setup.load_cpu,
        )
        able = ask("--connections", 16)["rps"]
        say(f"{server.name}: {able:,.0f} a second")
        rates = [max(1, int(able * share)) for share in SHARES]
        return able, [ask("--connections", CONNECTIONS, "--rate", rate) for rate in rates]
