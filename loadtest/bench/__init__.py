"""What `scripts/bench` is made of.

servers   which servers there are, how to build and start them
measure   one measurement each: CPU, latency, system calls, instructions, memory
report    measurements to Markdown, and into PERFORMANCE.md
"""
