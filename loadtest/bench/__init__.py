"""What `scripts/bench` is made of.

servers   which servers there are, how to build and start them
measure   one measurement each: CPU, latency, system calls, instructions, memory
compare   calls in a session and without, and calls that stream
held      memory of sessions and streams that nobody uses
report    measurements to Markdown, and into PERFORMANCE.md
"""
