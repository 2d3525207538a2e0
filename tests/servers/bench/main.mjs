// Whole CIBA flows a second: the sandbox beside oidc-provider, in turns, with the same client and the same phones.
//
//   SANDBOX=target/debug/sandbox node tests/servers/bench/main.mjs
//
// A flow is: start with a payment in authorization_details; an answer signed by the phone's key and checked by the
// server; one poll that brings an ID token and an access token, both RS256. The sandbox also sends a push, which the
// phone waits for; oidc-provider has none to send.

import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Running, Server, cleanUp } from '../../clients/sandbox.mjs';

const PHONES = 20;
const FLOWS_EACH = 10;
const ROUNDS = 3;

const ciba = 'urn:openid:params:grant-type:ciba';

function details(number) {
  return JSON.stringify([{
    type: 'payment_initiation',
    instructedAmount: { amount: `${1000 + number}.00`, currency: 'EUR' },
    creditorName: 'ExampleCorp',
  }]);
}

function phoneKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { jwk: publicKey.export({ format: 'jwk' }), privateKey };
}

function jwt(claims, key) {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg: 'ES256', typ: 'JWT' })}.${part({ iat: now, exp: now + 30, ...claims })}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

async function call(url, body, headers = {}) {
  const json = !(body instanceof URLSearchParams);
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...(json && { 'content-type': 'application/json' }), ...headers },
    body: json ? JSON.stringify(body) : body,
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
  return text && JSON.parse(text);
}

/** The sandbox, as `sandbox serve` is; a phone waits for its push on the event stream. */
async function theSandbox() {
  const server = await Server.start(['serve', '--interval', '1', '--no-per-user-limit', '--allow-es256']);
  const { issuer, origin, console_url: surface, client_id, client_secret, audience } = server.values;
  return {
    name: 'sandbox',
    pid: server.process.child.pid,
    start: `${origin}/bc-authorize`,
    token: `${origin}/oauth/token`,
    client: { client_id, client_secret },
    more: { audience },
    hint: (user) => JSON.stringify({ format: 'iss_sub', iss: issuer, sub: user }),
    async phone(number) {
      const { user_id: user } = await call(`${surface}control/users`, {});
      const { invitation } = await call(`${surface}control/invitation`, { user_id: user });
      const [, ticket] = /enrollment_tx_id=([^&]+)/.exec(invitation);
      const { jwk, privateKey } = phoneKey();
      const identifier = `bench-${number}`;
      const push = `bench-push-token-${number}`;
      await call(`${origin}/appliance-mfa/api/enroll`, {
        identifier, name: 'Bench', push_credentials: { service: 'GCM', token: push }, public_key: jwk,
      }, { authorization: `Ticket id="${ticket}"` });
      const pushes = events(await fetch(`${surface}push/${push}/events`));
      const aud = `${origin}/appliance-mfa/api/resolve-transaction`;
      return {
        user,
        async answer() {
          const { txtkn, c } = (await pushes.next()).value.payload.data;
          const claims = { iss: identifier, sub: c, aud, auth0_guardian_method: 'push', auth0_guardian_accepted: true };
          await call(aud, { challenge_response: jwt(claims, privateKey) }, { authorization: `Bearer ${txtkn}` });
        },
      };
    },
  };
}

/** Server-sent events, one at a time. */
async function* events(stream) {
  let text = '';
  for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      if (event.startsWith('data: ')) yield JSON.parse(event.slice('data: '.length));
    }
  }
}

async function theProvider() {
  const running = new Running(process.execPath, [fileURLToPath(new URL('provider.mjs', import.meta.url))]);
  const { issuer, device, client_id, client_secret, resource } = await running.next();
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  return {
    name: 'oidc-provider',
    pid: running.child.pid,
    start: metadata.backchannel_authentication_endpoint,
    token: metadata.token_endpoint,
    client: { client_id, client_secret },
    more: { resource },
    // Without it the access token is for the provider itself, and not signed (RFC 8707 §2.2).
    pollMore: { resource },
    hint: (user) => user,
    async phone(number) {
      const { jwk, privateKey } = phoneKey();
      const user = `user-${number}`;
      await call(`${device}/enroll`, { identifier: user, public_key: jwk });
      return {
        user,
        async answer(message) {
          const claims = { iss: user, sub: message, aud: `${device}/answer`, accepted: true };
          await call(`${device}/answer`, { challenge_response: jwt(claims, privateKey) });
        },
      };
    },
  };
}

let number = 0;

/** One flow; gives what each step took, in milliseconds. */
async function flow(server, phone) {
  number += 1;
  const message = `TX-${number}`;
  const asked = details(number);
  const times = [performance.now()];
  const { auth_req_id } = await call(server.start, new URLSearchParams({
    ...server.client, ...server.more,
    scope: 'openid', login_hint: server.hint(phone.user), binding_message: message, authorization_details: asked,
  }));
  times.push(performance.now());
  await phone.answer(message);
  times.push(performance.now());
  const tokens = await call(server.token, new URLSearchParams({
    ...server.client, ...server.pollMore, grant_type: ciba, auth_req_id,
  }));
  times.push(performance.now());
  const { sub } = JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url'));
  const own = sub === phone.user && JSON.stringify(tokens.authorization_details) === asked
    && tokens.access_token.split('.').length === 3;
  if (!own) throw new Error(`${server.name}: ${message} got the answer of another request`);
  return times.slice(1).map((time, step) => time - times[step]);
}

/** All phones at once, each one flow after the other. */
async function round(server, flowsEach) {
  const cpu = processorSeconds(server.pid);
  const begun = performance.now();
  const steps = await Promise.all(server.phones.map(async (phone) => {
    const mine = [];
    for (let i = 0; i < flowsEach; i += 1) mine.push(await flow(server, phone));
    return mine;
  }));
  const seconds = (performance.now() - begun) / 1000;
  const flows = steps.flat();
  return { steps: flows, rate: flows.length / seconds, cpu: (processorSeconds(server.pid) - cpu) * 1000 / flows.length };
}

/** Processor time of a process so far, where there is /proc. */
function processorSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return NaN;
  }
}

function memory(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
  } catch {
    return NaN;
  }
}

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

const median = (values) => quantile(values, 0.5);

// A flow that gets no answer must not hold up the run for ever.
setTimeout(() => {
  console.error('no result in 4 minutes: an answer was lost');
  process.exit(1);
}, 240_000).unref();

try {
  const servers = [await theSandbox(), await theProvider()];
  for (const server of servers) {
    server.phones = await Promise.all(Array.from({ length: PHONES }, (_, i) => server.phone(i)));
    server.rounds = [];
    await round(server, 2); // To warm up.
  }
  // In turns, so that whatever else this machine does hits both.
  for (let i = 0; i < ROUNDS; i += 1) {
    for (const server of servers) server.rounds.push(await round(server, FLOWS_EACH));
  }
  const [ours, theirs] = servers;
  const of = (server, value) => median(server.rounds.map(value));
  const step = (at, part) => (server) => quantile(server.rounds.flatMap(({ steps }) => steps.map((times) => times[at])), part);
  const rows = [
    ['flows a second', (server) => of(server, ({ rate }) => rate)],
    ...['start', "phone's signed answer", 'tokens'].flatMap((name, at) => [
      [`${name}, median ms`, step(at, 0.5)],
      [`${name}, 95th percentile ms`, step(at, 0.95)],
    ]),
    ["server's processor ms a flow", (server) => of(server, ({ cpu }) => cpu)],
    ["server's memory at most, MB", (server) => memory(server.pid)],
  ];
  console.log(`${PHONES} phones at once, ${ROUNDS} rounds of ${PHONES * FLOWS_EACH} flows each, in turns; medians\n`);
  console.log(`${''.padEnd(40)}${ours.name.padStart(14)}${theirs.name.padStart(16)}${'ratio'.padStart(10)}`);
  for (const [name, value] of rows) {
    const [a, b] = [value(ours), value(theirs)];
    console.log(`${name.padEnd(40)}${a.toFixed(1).padStart(14)}${b.toFixed(1).padStart(16)}${(a / b).toFixed(2).padStart(10)}`);
  }
  console.log(`\n${number} passed, 0 failed`);
  await cleanUp();
  process.exit(0);
} catch (error) {
  console.error(error);
  console.log('\n0 passed, 1 failed');
  await cleanUp();
  process.exit(1);
}
