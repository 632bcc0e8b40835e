-- The stateless tools/call of loadtest/scenarios/tools_call.http, for wrk:
--   wrk --threads 1 --connections 64 --duration 5s --latency \
--       --script loadtest/wrk/tools_call.lua http://127.0.0.1:8080/mcp

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
wrk.headers["Mcp-Method"] = "tools/call"
wrk.headers["Mcp-Name"] = "add"
wrk.body = [[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add",]]
  .. [["arguments":{"a":2,"b":3},"_meta":{]]
  .. [["io.modelcontextprotocol/protocolVersion":"2026-07-28",]]
  .. [["io.modelcontextprotocol/clientInfo":{"name":"load","version":"1.0.0"},]]
  .. [["io.modelcontextprotocol/clientCapabilities":{}}}}]]

-- Without `response` wrk does not look at bodies, which is what keeps it fast;
-- it counts statuses from 400 on as errors by itself.
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("errors: %d\n", failed))
end
