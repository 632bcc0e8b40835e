// A server on the official TypeScript SDK, v2: one of the programs that docs/migrating.md starts
// from.
//
//     node server_v2.mjs PORT

import { createServer } from 'node:http';
import { Readable } from 'node:stream';

import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

const PRICES = new Map([['apple', 30], ['pear', 45]]);

function shop() {
  const server = new McpServer({ name: 'shop', version: '1' });

  server.registerTool('price', {
    description: 'Says what some fruit costs.',
    inputSchema: z.object({ fruit: z.string(), count: z.number().int().default(1) }),
    outputSchema: z.object({ fruit: z.string(), cents: z.number().int() }),
  }, async ({ fruit, count }) => {
    if (!PRICES.has(fruit)) throw new Error(`there is no ${fruit}`);
    const price = { fruit, cents: PRICES.get(fruit) * count };
    return { content: [{ type: 'text', text: JSON.stringify(price) }], structuredContent: price };
  });

  server.registerTool('ripen', {
    description: 'Waits until the fruit is ripe.',
    inputSchema: z.object({ days: z.number().int() }),
  }, async ({ days }, context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (let day = 0; progressToken !== undefined && day < days; day += 1) {
      const params = { progressToken, progress: day, total: days };
      await context.mcpReq.notify({ method: 'notifications/progress', params });
    }
    return { content: [{ type: 'text', text: `Ripe after ${days} days.` }] };
  });
  return server;
}

const handler = createMcpHandler(() => shop());

// From Node's requests to those of the web, and back.
createServer(async (request, response) => {
  const url = new URL(request.url, `http://${request.headers.host}`);
  const hasBody = request.method === 'POST';
  const answer = await handler.fetch(new Request(url, {
    method: request.method,
    headers: request.headers,
    ...(hasBody && { body: Readable.toWeb(request), duplex: 'half' }),
  }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body === null) return response.end();
  return Readable.fromWeb(answer.body).pipe(response);
}).listen(Number(process.argv[2]), '127.0.0.1');
