// A server on the official TypeScript SDK, v1: one of the programs that docs/migrating.md starts
// from.
//
//     node server.mjs PORT

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

const PRICES = new Map([['apple', 30], ['pear', 45]]);

function shop() {
  const server = new McpServer({ name: 'shop', version: '1' });

  server.registerTool('price', {
    description: 'Says what some fruit costs.',
    inputSchema: { fruit: z.string(), count: z.number().int().default(1) },
    outputSchema: { fruit: z.string(), cents: z.number().int() },
  }, async ({ fruit, count }) => {
    if (!PRICES.has(fruit)) throw new Error(`there is no ${fruit}`);
    const price = { fruit, cents: PRICES.get(fruit) * count };
    return { content: [{ type: 'text', text: JSON.stringify(price) }], structuredContent: price };
  });

  server.registerTool('ripen', {
    description: 'Waits until the fruit is ripe.',
    inputSchema: { days: z.number().int() },
  }, async ({ days }, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (let day = 0; progressToken !== undefined && day < days; day += 1) {
      const params = { progressToken, progress: day, total: days };
      await extra.sendNotification({ method: 'notifications/progress', params });
    }
    return { content: [{ type: 'text', text: `Ripe after ${days} days.` }] };
  });
  return server;
}

const sessions = new Map();

createServer(async (request, response) => {
  let transport = sessions.get(request.headers['mcp-session-id']);
  if (transport === undefined) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => sessions.set(id, transport),
    });
    transport.onclose = () => sessions.delete(transport.sessionId);
    await shop().connect(transport);
  }
  await transport.handleRequest(request, response);
}).listen(Number(process.argv[2]), '127.0.0.1');
