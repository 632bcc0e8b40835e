// @modelcontextprotocol/client against mcp-fastd: node daemon-client.mjs PLACE [QUERY]
// PLACE is one of places.mjs.

import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { use } from './daemon.mjs';
import { transportTo, wayTo } from './places.mjs';

const classes = {
  http: StreamableHTTPClientTransport,
  sse: SSEClientTransport,
  stdio: StdioClientTransport,
};
const [place, query] = process.argv.slice(2);
const way = wayTo(place);
// Over HTTP+SSE nothing newer than 2025-11-25 is spoken.
const modes = way === 'sse' ? ['auto', 'legacy'] : [{ pin: '2026-07-28' }, 'auto', 'legacy'];
for (const mode of modes) {
  const client = new Client(
    { name: 'mcp-fastd-check', version: '1.0.0' },
    { versionNegotiation: { mode } },
  );
  await client.connect(transportTo(place, classes));
  const told = await use(client, query);
  const version = client.getNegotiatedProtocolVersion();
  console.log(`typescript client over ${way}, mode ${JSON.stringify(mode)}: ${version}: ${told}`);
  await client.close();
}
