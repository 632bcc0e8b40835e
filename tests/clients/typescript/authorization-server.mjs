// Authorization servers for tests, made of oidc-provider: node authorization-server.mjs
//
// It says where they are, a line for each, and then everybody is alice and agrees to everything.
// PKCE, resource indicators, dynamic registration, client id metadata documents, introspection and
// revocation are on. Each has its metadata in one place alone, so that whoever finds it has looked
// there. Tokens are JWTs; those of /appended are opaque.
//
// POST ISSUER/test/rotate makes a new key that signs from then on; POST ISSUER/test/tokens/HOW gives
// a token that is good, or wrong in one way.

import { createHmac, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

// oidc-provider is made for Node 22, which has this besides what Node 20 has.
URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
const { default: Provider } = await import('oidc-provider');

// The client that has a document about itself. Nothing listens there: the server's own fetch
// answers for it.
const CLIENT = 'https://client.example/about.json';

// The name of clients whose tokens expire soon.
const HURRIED = 'mcp-fastd-hurried';

// The path of each issuer, and of its metadata: RFC 8414 §3.1, and OpenID Connect Discovery §4.1.
const METADATA = {
  '': '/.well-known/oauth-authorization-server',
  '/inserted': '/.well-known/oauth-authorization-server/inserted',
  '/appended': '/appended/.well-known/openid-configuration',
};
const OPAQUE = '/appended';

const server = createServer();
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}

function resourceServer(path, resource, client) {
  return {
    scope: 'mcp:use mcp:search',
    audience: resource,
    accessTokenTTL: client.clientName === HURRIED ? 3 : 600,
    accessTokenFormat: path === OPAQUE ? 'opaque' : 'jwt',
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

function provider(path, keys) {
  const made = new Provider(origin + path, {
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
    // A client that asks twice at once keeps what it has.
    rotateRefreshToken: false,
    issueRefreshToken: (context, client) => client.grantTypeAllowed('refresh_token'),
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
        getResourceServerInfo: (context, resource, client) => resourceServer(path, resource, client),
      },
    },
    interactions: { url: (context, interaction) => `${path}/agree/${interaction.uid}` },
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

// A JWT with a header and claims of our choice, signed by `signature`.
function token(header, claims, signature) {
  const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${signature(Buffer.from(signed)).toString('base64url')}`;
}

function signedBy(key) {
  const form = { key, format: 'jwk', dsaEncoding: 'ieee-p1363' };
  return text => sign('sha256', text, form);
}

// What it is to take a public key for a secret that is shared.
function withPublicKey(key) {
  const secret = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  return text => createHmac('sha256', secret).update(text).digest();
}

const now = () => Math.floor(Date.now() / 1000);

// A JWT that is good but for its claims, its header or its signature.
function jwt({ issuer, key }, how, resource) {
  const good = {
    iss: issuer, aud: resource, sub: 'alice', exp: now() + 600, iat: now(), client_id: 'x',
    scope: 'mcp:use',
  };
  const [header, claims, signature] = {
    good: [],
    audience: [{}, { aud: 'https://other.example' }],
    everybody: [{}, { aud: undefined }],
    issuer: [{}, { iss: 'https://other.example' }],
    expired: [{}, { exp: now() - 120 }],
    lasting: [{}, { exp: undefined }],
    early: [{}, { nbf: now() + 120 }],
    id: [{ typ: 'JWT' }, { nonce: 'n' }],
    key: [{}, {}, signedBy(newKey())],
    none: [{ alg: 'none' }, {}, () => Buffer.alloc(0)],
    unsigned: [{}, {}, () => Buffer.alloc(0)],
    secret: [{ alg: 'HS256' }, {}, withPublicKey(key)],
  }[how];
  return token(
    { alg: 'ES256', kid: key.kid, typ: 'at+jwt', ...header },
    { ...good, ...claims },
    signature ?? signedBy(key),
  );
}

// An opaque token that is good but for whom it is for.
async function opaque({ current }, how, resource) {
  const made = new current.AccessToken({
    accountId: 'alice', client: await current.Client.find('fastd'), scope: 'mcp:use',
  });
  const audience = { good: resource, audience: 'https://other.example' }[how];
  made.resourceServer = new current.ResourceServer(audience, resourceServer(OPAQUE, audience, {}));
  made.setAudience(audience);
  return made.save();
}

function withNewKey(path) {
  const key = newKey();
  return { issuer: origin + path, key, current: provider(path, [key]) };
}

// The issuer that a path belongs to, and what is left of it.
function place(pathname) {
  for (const [path, metadata] of Object.entries(METADATA)) {
    if (pathname === metadata) {
      return [path, '/.well-known/openid-configuration'];
    }
  }
  const path = Object.keys(METADATA).find(path => path && pathname.startsWith(`${path}/`)) ?? '';
  return pathname.includes('/.well-known/') ? [] : [path, pathname.slice(path.length)];
}

async function answer(request, response) {
  const { pathname, search, searchParams } = new URL(request.url, origin);
  const [path, rest] = place(pathname);
  if (path === undefined) {
    response.writeHead(404).end();
  } else if (rest === '/test/rotate') {
    issuers[path] = withNewKey(path);
    response.end();
  } else if (rest.startsWith('/test/tokens/')) {
    const make = path === OPAQUE ? opaque : jwt;
    const how = rest.slice('/test/tokens/'.length);
    response.end(await make(issuers[path], how, searchParams.get('resource')));
  } else {
    const { current } = issuers[path];
    request.url = rest + search;
    // What it makes URLs of.
    request.originalUrl = path + request.url;
    await (rest.startsWith('/agree/') ? agree : respond)(current, request, response);
  }
}

async function respond(current, request, response) {
  return current.callback()(request, response);
}

const issuers = {};
for (const path of Object.keys(METADATA)) {
  issuers[path] = withNewKey(path);
}
server.on('request', (request, response) => {
  answer(request, response).catch(error => {
    console.error(error);
    response.writeHead(500).end(String(error));
  });
});
for (const path of Object.keys(METADATA)) {
  console.log(origin + path);
}
