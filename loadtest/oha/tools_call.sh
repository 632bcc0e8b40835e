#!/usr/bin/env bash
# The stateless tools/call of loadtest/scenarios/tools_call.http, with oha.
#
#   loadtest/oha/tools_call.sh http://127.0.0.1:8080/mcp --latency-correction -q 20000
#
# What follows the URL is passed to oha.
set -o errexit -o nounset -o pipefail

url=${1:-http://127.0.0.1:8080/mcp}
scenario=$(dirname "$0")/../scenarios/tools_call.http
body=$(tail --lines 1 "$scenario")

# -A, since -H would add to the Accept that oha sends of its own accord.
exec oha -z 5s -c 64 -m POST --disable-compression \
    -T application/json \
    -A 'application/json, text/event-stream' \
    -H 'MCP-Protocol-Version: 2026-07-28' \
    -H 'Mcp-Method: tools/call' \
    -H 'Mcp-Name: add' \
    -d "$body" \
    "${@:2}" "$url"
