// What both generations of the official TypeScript client need to log in, and are put through; see
// ../run. All of OAuth is theirs: this keeps what they want kept, and is the browser.

import assert from 'node:assert/strict';

/** The client id that is a document (authorization-server.mjs answers for it). */
export const CLIENT = 'https://client.example/about.json';
const CALLBACK = 'http://127.0.0.1:9/callback';

/** An OAuthClientProvider of the SDK: a memory, and a browser in which all is agreed to. */
export class Person {
  /** With `clientMetadataUrl`, the client is known by its document; else it registers. */
  constructor(clientMetadataUrl) {
    this.clientMetadataUrl = clientMetadataUrl;
    this.cookies = new Map();
    this.asked = [];
  }

  get redirectUrl() {
    return CALLBACK;
  }

  get clientMetadata() {
    return {
      client_name: 'mcp-fastd-check',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  clientInformation() {
    return this.information;
  }

  saveClientInformation(information) {
    this.information = information;
  }

  tokens() {
    return this.kept;
  }

  saveTokens(tokens) {
    this.kept = tokens;
  }

  codeVerifier() {
    return this.verifier;
  }

  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }

  discoveryState() {
    return this.discovered;
  }

  saveDiscoveryState(state) {
    this.discovered = state;
  }

  invalidateCredentials(scope) {
    if (scope === 'all' || scope === 'client') this.information = undefined;
    if (scope === 'all' || scope === 'tokens') this.kept = undefined;
  }

  /** Follows redirects until one leads back to the client. */
  async redirectToAuthorization(url) {
    this.asked.push(url);
    let place = url;
    for (let step = 0; step < 20; step += 1) {
      const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(place, { redirect: 'manual', headers: { cookie } });
      for (const line of response.headers.getSetCookie()) {
        const [name, value] = line.split(';')[0].split('=');
        this.cookies.set(name, value);
      }
      const location = response.headers.get('location');
      assert.ok(location, `${place}: ${response.status}: ${await response.text()}`);
      place = new URL(location, place);
      if (place.href.startsWith(CALLBACK)) {
        this.back = place.searchParams;
        assert.ok(this.back.get('code'), place.href);
        return;
      }
    }
    assert.fail('the redirects do not end');
  }
}

/**
 * Logs in, uses what that is good for, and then asks for more. `open` connects a client and returns
 * it with its transport; `finish` gives a transport what came back from the browser.
 */
export async function logIn(url, person, open, finish) {
  // The first request is refused, and sends the person to the browser.
  let opened = await open(person);
  assert.equal(opened.error?.constructor.name, 'UnauthorizedError', String(opened.error));
  assert.equal(person.asked[0].searchParams.get('resource'), url);
  assert.equal(person.asked[0].searchParams.get('scope'), 'mcp:use');
  assert.equal(person.asked[0].searchParams.get('code_challenge_method'), 'S256');
  await finish(opened.transport, person.back);
  opened = await open(person);
  assert.equal(opened.error, undefined, String(opened.error));
  let { client, transport } = opened;

  const names = (await client.listTools()).tools.map((tool) => tool.name);
  assert.ok(names.includes('dataset_stats') && !names.includes('search_documents'), `${names}`);
  const stats = await client.callTool({ name: 'dataset_stats', arguments: {} });
  assert.ok(!stats.isError, JSON.stringify(stats));

  // A tool that needs more: refused, and the person is asked again.
  const search = { name: 'search_documents', arguments: { query: 'documents' } };
  await assert.rejects(client.callTool(search), (error) => {
    assert.equal(error.constructor.name, 'UnauthorizedError', String(error));
    return true;
  });
  assert.equal(person.asked.length, 2);
  const asked = person.asked[1].searchParams.get('scope').split(' ');
  assert.ok(asked.includes('mcp:search'), `${asked}`);
  await finish(transport, person.back);
  const found = await client.callTool(search);
  assert.ok(!found.isError, JSON.stringify(found));
  await client.close();
  return `${person.information.client_id === CLIENT ? 'by its document' : 'registered'}, ` +
    `${asked.join(' ')} in the end`;
}
