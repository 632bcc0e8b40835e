// Where a server is: the URL of its MCP endpoint, that of its stream of HTTP+SSE (it ends in /sse),
// or a program that the client starts (stdio).

/** Over what a place is reached: 'http', 'sse' or 'stdio'. */
export function wayTo(place) {
  if (!/^https?:/.test(place)) return 'stdio';
  return new URL(place).pathname === '/sse' ? 'sse' : 'http';
}

/** Opens a transport, of the classes that a generation of the client has for each way. */
export function transportTo(place, classes, way = wayTo(place), options = {}) {
  return new classes[way](way === 'stdio' ? { command: place } : new URL(place), options);
}
