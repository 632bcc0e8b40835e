-- A file of loadtest/scenarios, for wrk:
--   wrk --threads 1 --connections 64 --duration 5s --latency \
--       --script loadtest/wrk/scenario.lua http://127.0.0.1:8080 -- \
--       loadtest/scenarios/tools_call.http

function init(arguments)
  local path = arguments[1] or "loadtest/scenarios/tools_call.http"
  local has_request_line = false
  local lines = {}
  for line in assert(io.open(path)):lines() do
    lines[#lines + 1] = line
  end
  for _, line in ipairs(lines) do
    local name, value = line:match("^([%w-]+): (.*)$")
    if line:sub(1, 1) == "#" then
      -- What it is, and what is expected.
    elseif not has_request_line then
      wrk.method, wrk.path = line:match("^(%u+) (%S+)")
      has_request_line = true
    elseif name then
      wrk.headers[name] = value
    elseif line ~= "" then
      wrk.body = line
    end
  end
end

-- Without `response` wrk does not look at bodies, which is what keeps it fast;
-- it counts statuses from 400 on as errors by itself.
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("requests: %d, errors: %d\n", summary.requests, failed))
end
