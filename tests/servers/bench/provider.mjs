// oidc-provider as a process of its own, with the smallest device service that could stand behind it: a phone gives its
// public key, and later answers in a JWT that is checked with it.

import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { post, resource, start } from '../oidc-provider/server.mjs';

const provider = await start({ slowDown: false });
const keys = new Map();

/** What a phone signed, if it did and now. */
function opened(jwt) {
  const [header, payload, signature] = jwt.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  const key = { key: keys.get(claims.iss), dsaEncoding: 'ieee-p1363' };
  const now = Date.now() / 1000;
  const right = verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
    && claims.aud === audience && claims.iat <= now + 5 && claims.exp > now;
  if (!right) throw new Error('not what the phone signed');
  return claims;
}

const device = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  const sent = JSON.parse(body);
  try {
    if (request.url === '/enroll') {
      keys.set(sent.identifier, createPublicKey({ key: sent.public_key, format: 'jwk' }));
    } else {
      const { sub, accepted } = opened(sent.challenge_response);
      await (accepted ? provider.approve(sub) : provider.deny(sub));
    }
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});
await once(device.listen(0, '127.0.0.1'), 'listening');
const origin = `http://127.0.0.1:${device.address().port}`;
const audience = `${origin}/answer`;

console.log(JSON.stringify({ issuer: provider.issuer, device: origin, client_id: post.id, client_secret: post.secret, resource }));
