"""Measurements to Markdown, and the Markdown into PERFORMANCE.md."""

import datetime
import platform
import statistics
from pathlib import Path

from bench import compare, http_sse
from bench.measure import RATE
from bench.servers import ROOT, Failure

# Where the large table is in PERFORMANCE.md; the others are at `bench:NAME:begin`.
MAIN = "bench"
MISSING = "not measured"


def servers(setup, results, options):
    """The large table, and the one of latencies."""
    parts = [about(setup, options), cost(results, options.connections)]
    parts.append(latency(results, options.connections))
    return together(parts)


def scaling(scaled_runs, options):
    return together([f"Medians of {options.rounds} rounds, {today()}:", scaled(scaled_runs)])


def compared(setup, comparison, seen, loads, options):
    """One comparison: about it, and its table."""
    about_it = (
        f"{machine(setup)} mcp-fastd at {compare.revision()}. {compare.CONNECTIONS} connections, "
        f"{options.rounds} rounds of {setup.seconds:g} s of each server, in turn; medians, with "
        f"quartiles in brackets. Load of the machine before and after: "
        f"{loads[0]:.1f}, {loads[1]:.1f}."
    )
    head = [comparison.title, *comparison.ratios, "CPU µs/request (user + system)", "requests/s"]
    head += ["p50 / p99 / p99.9 µs", "bytes of the answer"]
    head += ["system calls/request", "user instructions/request"]
    rows = []
    for name, own in seen.items():
        pairs = [(1.0, run) for run in own.runs if run]
        row = [name]
        for bases in comparison.ratios.values():
            base = bases.get(name, name)
            row.append("1" if base == name else ratio(compare.ratios(seen, name, base)))
        row += [split(pairs), rate(pairs), quantiles([run for _, run in pairs])]
        sizes = [run["bytes"] / run["requests"] for _, run in pairs]
        row.append(number(statistics.median(sizes) if sizes else None, "{:,.0f}"))
        row += [number(own.syscalls, "{:.2f}"), number(own.instructions, "{:,.0f}")]
        rows.append(row)
    return together([about_it, table(head, rows)])


def overload(setup, seen, before):
    """What twice the load does to the calls that are accepted."""
    about_it = (
        f"{machine(setup)} Each phase {setup.seconds:g} s, in turn. "
        f"Load of the machine before: {before:.1f}."
    )
    head = ["tool", "can do", "p99 at a fifth", "p99 at twice", "ratio (of all rounds)"]
    head += ["answered", "refused", "p99 of refusals"]
    rows = []
    for name, ((able, quiet, loud), ratios) in seen.items():
        all_of_them = ", ".join(f"{each:.1f}" for each in ratios)
        rows.append([
            name,
            f"{able:,.0f}/s",
            f"{quiet['p99_us'] / 1000:.2f} ms",
            f"{loud['p99_us'] / 1000:.2f} ms",
            f"**{loud['p99_us'] / quiet['p99_us']:.1f}** ({all_of_them})",
            f"{loud['rps']:,.0f}/s",
            f"{loud['refused'] / loud['seconds']:,.0f}/s",
            f"{loud['refused_p99_us'] / 1000:.2f} ms" if loud["refused"] else "",
        ])
    return together([about_it, table(head, rows)])


def alone(counted):
    """What a call costs, with something and without it."""
    rows = [[name, number(count, "{:,.0f}")] for name, count in counted.items()]
    return table(["tools/call of `add`", "user instructions/request"], rows)


def beside_http_sse(seen, options):
    """What HTTP+SSE costs those who do not use it, and many who do."""
    about_it = (
        f"{options.rounds} rounds of {options.seconds:g} s, in turn, at {compare.CONNECTIONS} "
        f"connections or {http_sse.STREAMS:,} streams that all call. Load of the machine before "
        f"and after: {seen.loads[0]:.1f}, {seen.loads[1]:.1f}."
    )
    head = ["HTTP+SSE beside Streamable HTTP", "CPU ÷ HTTP+SSE off"]
    head += ["CPU µs/request (user + system)", "requests/s", "p50 / p99 / p99.9 µs"]
    head += ["user instructions/request"]
    rows = []
    for name, own in seen.rows.items():
        pairs = [(1.0, run) for run in own.runs if run]
        base = ratio(compare.ratios(seen.rows, name, http_sse.OFF))
        base = {http_sse.OFF: "1", http_sse.MANY: ""}.get(name, base)
        row = [name, base, split(pairs), rate(pairs), quantiles([run for _, run in pairs])]
        counted = own.instructions
        rows.append([*row, "" if counted is None else number(counted, "{:,.0f}")])
    each = number(seen.stream_bytes, "{:,.0f}")
    idle = f"{seen.streams:,} idle streams: {each} bytes each, with connection and session."
    return together([about_it, table(head, rows), idle])


def held(setup, seen, options):
    """Memory of sessions and streams."""
    streams = min((own.streams for runs in seen.values() for own in runs), default=0)
    about_it = (
        f"{machine(setup)} mcp-fastd at {compare.revision()}. Resident memory that "
        f"{options.sessions:,} sessions add, then {streams:,} connections of which each has sent a "
        f"notification, then a GET stream on each of these; then {options.idle_seconds:g} s in "
        f"which nothing is said but keep-alives. Rounds: {options.held_rounds}; medians."
    )
    head = ["server", "bytes per session", "bytes per idle connection"]
    head += ["bytes per stream above its connection", f"CPU while {streams:,} streams are idle"]
    rows = []
    for name, runs in seen.items():
        keys = ("session_bytes", "connection_bytes", "stream_bytes")
        row = [name] + [middle([getattr(own, key) for own in runs], "{:,.0f}") for key in keys]
        rows.append([*row, middle([own.idle_share * 100 for own in runs], "{:.2f}% of a core")])
    return together([about_it, table(head, rows)])


def middle(values, form):
    return number(statistics.median(values) if values else None, form)


def together(parts):
    return "\n\n".join(part for part in parts if part) + "\n"


def about(setup, options):
    return (
        f"{machine(setup)} A request of {setup.request_bytes} bytes, "
        f"a response of {setup.response_bytes}. "
        f"{options.rounds} pairs of {setup.seconds:g} s of floor and server each; "
        f"medians, with quartiles in brackets."
    )


def machine(setup):
    return (
        f"{today()}, {processor()}, {platform.system()} {platform.release()}; "
        f"server on CPU {setup.server_cpu}, load on CPU {setup.load_cpu}, loopback, "
        f"release builds."
    )


def today():
    return datetime.date.today()


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} CPUs ({models[0]})" if models else platform.machine()


def cost(results, connections):
    """What a request costs the server."""
    shown = sorted(connections, key=lambda count: (count == 1, count))
    head = ["server"] + [f"CPU ÷ floor, {plural(count)}" for count in shown]
    most = 64 if 64 in connections else connections[0]
    head += [f"CPU µs/request (user + system), {plural(most)}", f"requests/s, {plural(most)}"]
    head += ["system calls/request", "user instructions/request", "KB per idle connection"]
    rows = []
    for name, result in results.items():
        row = [name] + [ratio(result.pairs.get(count)) for count in shown]
        row += [split(result.pairs.get(most)), rate(result.pairs.get(most))]
        row += [number(result.syscalls, "{:.2f}"), number(result.instructions, "{:,.0f}")]
        row.append(number(result.idle_kb, "{:.2f}"))
        rows.append(row)
    return table(head, rows)


def latency(results, connections):
    """What a client sees: p50 / p99 / p99.9 in µs."""
    head = ["server, p50 / p99 / p99.9 µs"]
    head += [plural(count) for count in sorted(connections)]
    head.append(f"64 connections, {RATE:,} requests/s")
    rows = []
    for name, result in results.items():
        runs = [[own for _, own in result.pairs.get(count, [])] for count in sorted(connections)]
        rows.append([name] + [quantiles(each) for each in [*runs, result.rated]])
    return table(head, rows)


def scaled(scaling):
    """Ratios are to the first row, round by round. Ticks are too coarse here for user and system:
    server and client take turns on a CPU, in step with them or not."""
    head = ["mcp-fastd, a client on the CPU of each shard", "CPU ÷ 1 shard"]
    head += ["CPU µs/request", "requests/s", "user instructions/request"]
    first = next(iter(scaling.values())).runs
    rows = []
    for name, seen in scaling.items():
        pairs = [(run["cpu_us"] / one["cpu_us"], run) for run, one in zip(seen.runs, first, strict=True)]
        micros = statistics.median(run["cpu_us"] for run in seen.runs) if seen.runs else None
        row = [name, ratio(pairs), number(micros, "{:.2f}"), rate(pairs)]
        rows.append([*row, number(seen.instructions, "{:,.0f}")])
    return table(head, rows)


def ratio(pairs):
    if not pairs:
        return MISSING
    ratios = sorted(ratio for ratio, _ in pairs)
    if len(ratios) < 3:
        return f"{statistics.median(ratios):.2f}"
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"**{middle:.2f}** ({low:.2f}–{high:.2f})"


def split(pairs):
    """The total is exact; its parts are in proportion to the ticks of all runs."""
    if not pairs:
        return MISSING
    runs = [own for _, own in pairs]
    total = statistics.median(own["cpu_us"] for own in runs)
    user = sum(own["server_user_ticks"] for own in runs)
    system = sum(own["server_system_ticks"] for own in runs)
    share = user / max(user + system, 1)
    return f"{total:.2f} ({total * share:.2f} + {total * (1 - share):.2f})"


def rate(pairs):
    if not pairs:
        return MISSING
    return f"{statistics.median(own['rps'] for _, own in pairs):,.0f}"


def quantiles(runs):
    if not runs:
        return MISSING
    keys = ("p50_us", "p99_us", "p999_us")
    return " / ".join(f"{statistics.median(own[key] for own in runs):,.0f}" for key in keys)


def number(value, form):
    return MISSING if value is None else form.format(value)


def plural(count):
    return f"{count:,} connection{'s' if count != 1 else ''}"


def table(head, rows):
    """Without the columns in which nothing was measured; without any, nothing."""
    columns = [
        column
        for column in zip(head, *rows, strict=True)
        if any(cell != MISSING for cell in column[1:])
    ]
    if len(columns) < 2:
        return ""
    head, *rows = zip(*columns, strict=True)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(name, text):
    """Puts the text between its markers in PERFORMANCE.md, and leaves all else as it is."""
    marker = name if name == MAIN else f"{MAIN}:{name}"
    opening, closing = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    path = ROOT / "PERFORMANCE.md"
    if not path.exists():
        raise Failure("there is no PERFORMANCE.md to write to")
    before, begin, rest = path.read_text().partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise Failure(f"PERFORMANCE.md lacks {opening} or, after it, {closing}")
    path.write_text(f"{before}{opening}\n\n{text}\n{closing}{after}")
