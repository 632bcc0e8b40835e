// An authorization server for tests, made of oidc-provider: node authorization-server.mjs
//
// It says where it is, and then everybody is alice and agrees to everything. PKCE, resource
// indicators, dynamic registration, client id metadata documents and introspection are on. A token
// is a JWT, or opaque where the path of the resource is /opaque.
//
// POST /test/rotate makes a new key that signs from then on; POST /test/tokens/HOW gives a token
// that is wrong in one way.

import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

// oidc-provider is made for Node 22, which has this besides what Node 20 has.
URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
const { default: Provider } = await import('oidc-provider');

// The client that has a document about itself. Nothing listens there: the server's own fetch
// answers for it.
const CLIENT = 'https://client.example/about.json';

const server = createServer();
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}

function resourceServer(resource) {
  const format = new URL(resource).pathname === '/opaque' ? 'opaque' : 'jwt';
  return {
    scope: 'mcp:use mcp:search',
    audience: resource,
    accessTokenTTL: 600,
    accessTokenFormat: format,
    jwt: { sign: { alg: 'ES256' } },
  };
}

function about(callback) {
  return {
    client_id: CLIENT,
    client_name: 'mcp-fastd-check',
    redirect_uris: [callback],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
}

// The SDKs register for the scopes of their first request, and ask for more later. This server
// does not hold them to the first, as most do not: it is the one place where that can be said.
function idFactory(context) {
  delete context.oidc.body.scope;
  return randomUUID();
}

function provider(keys) {
  const made = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'fastd',
        client_secret: process.env.FASTD_CLIENT_SECRET ?? 'hush',
        redirect_uris: [],
        response_types: [],
        grant_types: [],
      },
    ],
    scopes: ['openid', 'offline_access', 'mcp:use', 'mcp:search'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    cookies: { keys: ['not a secret'] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    fetch: (url, options) => {
      if (String(url) === CLIENT) {
        return Response.json(about('http://127.0.0.1:9/callback'));
      }
      return fetch(url, options);
    },
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true, idFactory },
      revocation: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (context, resource) => resourceServer(resource),
      },
    },
    interactions: { url: (context, interaction) => `/agree/${interaction.uid}` },
  });
  made.on('server_error', (context, error) => console.error(error));
  return made;
}

// Logs alice in, and agrees to what is asked for.
async function agree(current, request, response) {
  const { params, prompt, grantId } = await current.interactionDetails(request, response);
  const accountId = 'alice';
  const grant = grantId
    ? await current.Grant.find(grantId)
    : new current.Grant({ accountId, clientId: params.client_id });
  const { missingOIDCScope, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) {
    grant.addOIDCScope(missingOIDCScope.join(' '));
  }
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  await current.interactionFinished(request, response, result);
}

// A JWT with claims of our choice.
function token(key, claims) {
  const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = { alg: 'ES256', kid: key.kid, typ: 'at+jwt' };
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), {
    key, format: 'jwk', dsaEncoding: 'ieee-p1363',
  });
  return `${signed}.${signature.toString('base64url')}`;
}

function wrong(how, resource) {
  const now = Math.floor(Date.now() / 1000);
  const good = {
    iss: issuer, aud: resource, sub: 'alice', exp: now + 600, iat: now, client_id: 'x',
    scope: 'mcp:use',
  };
  const changes = {
    none: {},
    audience: { aud: 'https://other.example' },
    issuer: { iss: 'https://other.example' },
    expired: { exp: now - 120 },
    early: { nbf: now + 120 },
  };
  return how === 'key' ? token({ ...newKey(), kid: key.kid }, good) : token(key, { ...good, ...changes[how] });
}

let key = newKey();
let keys = [key];
let current = provider(keys);
server.on('request', async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, issuer);
  if (pathname === '/test/rotate') {
    key = newKey();
    keys = [key];
    current = provider(keys);
    response.end();
  } else if (pathname.startsWith('/test/tokens/')) {
    response.end(wrong(pathname.slice('/test/tokens/'.length), searchParams.get('resource')));
  } else if (pathname.startsWith('/agree/')) {
    await agree(current, request, response).catch(error => {
      console.error(error);
      response.writeHead(500).end(String(error));
    });
  } else {
    current.callback()(request, response);
  }
});
console.log(issuer);
