// The OAuth client of @modelcontextprotocol/client against mcp-fastd: node oauth-client.mjs URL

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { CLIENT, Person, logIn } from './oauth.mjs';

const [url] = process.argv.slice(2);

for (const mode of [{ pin: '2026-07-28' }, 'auto', 'legacy']) {
  for (const document of [undefined, CLIENT]) {
    const open = async (person) => {
      const client = new Client(
        { name: 'mcp-fastd-check', version: '1.0.0' },
        { versionNegotiation: { mode } },
      );
      const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: person });
      const error = await client.connect(transport).then(() => undefined, (error) => error);
      return { client, transport, error };
    };
    const finish = (transport, back) => transport.finishAuth(back);
    const told = await logIn(url, new Person(document), open, finish);
    console.log(`typescript client, mode ${JSON.stringify(mode)}: ${told}`);
  }
}
