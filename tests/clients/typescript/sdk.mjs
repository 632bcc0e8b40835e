// @modelcontextprotocol/sdk (the generation before) against a running mcp-fastd: node sdk.mjs URL [QUERY]

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { use } from './check.mjs';

const [url, query] = process.argv.slice(2);
const client = new Client({ name: 'mcp-fastd-check', version: '1.0.0' });
const transport = new StreamableHTTPClientTransport(new URL(url));
await client.connect(transport);
console.log(`typescript sdk: ${transport.protocolVersion}: ${await use(client, query)}`);
await client.close();
