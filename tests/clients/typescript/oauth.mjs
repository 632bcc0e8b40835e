// What both generations of the official TypeScript client need to log in, and are put through; see
// ../run. All of OAuth is theirs: this keeps what they want kept, and is the browser.

import assert from 'node:assert/strict';

/** The client id that is a document (authorization-server.mjs answers for it). */
export const CLIENT = 'https://client.example/about.json';
/** The name of a client whose tokens soon expire there. */
const HURRIED = 'mcp-fastd-hurried';
const CALLBACK = 'http://127.0.0.1:9/callback';

/** An OAuthClientProvider of the SDK: a memory, and a browser in which all is agreed to. */
export class Person {
  /** With a document, the client is known by it; else it registers. */
  constructor({ document, hurried = false } = {}) {
    this.clientMetadataUrl = document;
    this.hurried = hurried;
    this.cookies = new Map();
    this.asked = [];
  }

  get redirectUrl() {
    return CALLBACK;
  }

  get clientMetadata() {
    return {
      client_name: this.hurried ? HURRIED : 'mcp-fastd-check',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', ...(this.hurried ? ['refresh_token'] : [])],
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

/** Whether the server refuses a token, and what it says then. */
export async function refusal(url, token) {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
  const response = await fetch(url, { method: 'POST', headers, body });
  await response.text();
  if (response.ok) return undefined;
  assert.equal(response.status, 401);
  return response.headers.get('www-authenticate').match(/error_description="([^"]*)"/)?.[1];
}

/** Waits until the server refuses a token that it took before. */
async function untilRefused(url, token) {
  for (let step = 0; step < 300; step += 1) {
    const why = await refusal(url, token);
    if (why) return why;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail('a token that is no good any more is taken');
}

/**
 * The first request is refused, and sends the person to the browser; the second is good. `open`
 * connects a client and returns it with its transport; `finish` gives a transport what came back from
 * the browser.
 */
async function logIn(url, person, open, finish) {
  const refused = await open(person);
  assert.equal(refused.error?.constructor.name, 'UnauthorizedError', String(refused.error));
  assert.equal(person.asked.length, 1);
  const asked = person.asked[0].searchParams;
  // Without a slash that stands for no path.
  assert.equal(asked.get('resource'), url.replace(/(?<=:\d+)\/$/, ''));
  // Some add what refresh tokens are given for.
  assert.deepEqual(asked.get('scope').split(' ').filter((it) => it !== 'offline_access'), ['mcp:use']);
  assert.equal(asked.get('code_challenge_method'), 'S256');
  assert.ok(asked.get('code_challenge'));
  await finish(refused.transport, person.back);
  const opened = await open(person);
  assert.equal(opened.error, undefined, String(opened.error));
  return opened;
}

async function isAskedAgain(person, call) {
  const times = person.asked.length;
  await assert.rejects(call, (error) => {
    assert.equal(error.constructor.name, 'UnauthorizedError', String(error));
    return true;
  });
  assert.equal(person.asked.length, times + 1);
}

const STATS = { name: 'dataset_stats', arguments: {} };
const SEARCH = { name: 'search_documents', arguments: { query: 'documents' } };

async function works(client, call) {
  const result = await client.callTool(call);
  assert.ok(!result.isError, JSON.stringify(result));
}

/** Logs in, uses what that is good for, and then asks for more. `format` is that of tokens. */
export async function useMore(url, format, document, open, finish) {
  const person = new Person({ document });
  const { client, transport } = await logIn(url, person, open, finish);
  assert.equal(person.information.client_id === CLIENT, document !== undefined);
  assert.equal(person.kept.access_token.split('.').length, format === 'jwt' ? 3 : 1);
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  assert.ok(names.includes('dataset_stats') && !names.includes('search_documents'), `${names}`);
  await works(client, STATS);

  // A tool that needs more: refused, and the person is asked again, for what they had, too.
  await isAskedAgain(person, () => client.callTool(SEARCH));
  const asked = person.asked[1].searchParams.get('scope').split(' ').sort();
  assert.deepEqual(asked, ['mcp:search', 'mcp:use']);
  await finish(transport, person.back);
  await works(client, SEARCH);

  if (format === 'opaque') await isRevoked(url, person, client, transport, finish);
  await client.close();
  return `${document ? 'by its document' : 'registered'}, ${asked.join(' ')} in the end`;
}

/** The person takes back what they agreed to: the issuer says so when it is asked. */
async function isRevoked(url, person, client, transport, finish) {
  const issuer = person.discovered.authorizationServerUrl;
  const metadata = await fetch(`${issuer}/.well-known/openid-configuration`);
  const { revocation_endpoint: endpoint } = await metadata.json();
  const { access_token: token } = person.kept;
  const body = new URLSearchParams({ token, client_id: person.information.client_id });
  assert.equal((await fetch(endpoint, { method: 'POST', body })).status, 200);
  assert.equal(await untilRefused(url, token), 'the issuer says that the token is not active');
  await isAskedAgain(person, () => client.callTool(STATS));
  await finish(transport, person.back);
  await works(client, STATS);
}

/** Logs in, and uses what that is good for. */
export async function use(url, open, finish) {
  const { client } = await logIn(url, new Person(), open, finish);
  await works(client, STATS);
  await client.close();
  return 'registered';
}

/** A token expires, and the client has another one without asking the person. */
export async function refresh(url, format, open, finish) {
  const person = new Person({ hurried: true });
  const { client } = await logIn(url, person, open, finish);
  await works(client, STATS);
  const { access_token: token } = person.kept;
  const why = await untilRefused(url, token);
  // Where tokens come from is not known any more: the client goes by the challenge.
  person.discovered = undefined;
  assert.match(why, format === 'jwt' ? /has expired/ : /has expired|is not active/);
  await works(client, STATS);
  assert.notEqual(person.kept.access_token, token);
  assert.equal(person.asked.length, 1);
  await client.close();
  return 'a token that expired was refreshed';
}
