// Keycloak in front, `sandbox bridge keycloak` behind it, phones on the real core: Keycloak starts each request, a person
// answers on the phone, and the client gets Keycloak's tokens.
//
//   KEYCLOAK_HOME=…/keycloak-26.7.3 SANDBOX=target/debug/sandbox node tests/servers/keycloak/main.mjs

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import * as client from 'openid-client';
import { run } from '../../clients/cases.mjs';
import { Phone, Running, Server, agent, cleanUp, folder } from '../../clients/sandbox.mjs';

const home = process.env.KEYCLOAK_HOME;
if (!home) {
  console.error('KEYCLOAK_HOME must name an unpacked Keycloak (`tests/run keycloak` fetches one)');
  process.exit(2);
}

const id = 'agent';
const secret = 'agent-secret';
const short = [{ type: 'payment_initiation', instructedAmount: { amount: '249.00', currency: 'EUR' }, creditorName: 'ExampleCorp' }];
const long = [{
  ...short[0],
  creditorAccount: { iban: 'DE89370400440532013000' },
  remittanceInformationUnstructured: 'Order 4711: one bicycle, blue, with a basket, a bell and a lamp; delivery on Friday',
}];

/** Two ports that are free now. Keycloak has to know the bridge's before the bridge can know Keycloak. */
async function ports() {
  const servers = [createServer(), createServer()];
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const found = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return found;
}

const [port, bridgePort] = await ports();
const realm = `http://localhost:${port}/realms/demo`;
const users = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan'];
const state = folder();
const files = folder();

/** The bridge, always at the same address and with the same state. */
function bridgeWith(...more) {
  return Server.start([
    'bridge', 'keycloak', '--realm-url', realm, '--listen', `127.0.0.1:${bridgePort}`, '--data', state,
    ...users.flatMap((user) => ['--user', user]), ...more,
  ]);
}

/** Keycloak in development mode, nothing of it kept; ready when the realm answers. */
async function keycloak(channel) {
  const imports = join(home, 'data', 'import');
  mkdirSync(imports, { recursive: true });
  copyFileSync(new URL('realm.json', import.meta.url), join(imports, 'demo-realm.json'));
  const begun = performance.now();
  const running = new Running(join(home, 'bin', 'kc.sh'), [
    'start-dev', '--db=dev-mem', `--http-port=${port}`, '--http-host=127.0.0.1', `--hostname=http://localhost:${port}`,
    '--import-realm', `--spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri=${channel}`,
  ], { env: { ...process.env, JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1' } });
  for (;;) {
    const ready = await fetch(realm).then((answer) => answer.ok, () => false);
    if (ready) break;
    if (running.code !== undefined) throw new Error(`Keycloak ended: ${running.lines.slice(-20).join('\n')}`);
    if (performance.now() - begun > 400_000) throw new Error(`Keycloak is not ready: ${running.lines.slice(-20).join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  running.lines.length = 0;
  return Math.round((performance.now() - begun) / 1000);
}

let bridge;
const phones = {};

async function setUp() {
  bridge = await bridgeWith('--allow-bare');
  const starting = keycloak(bridge.values.channel_url);
  starting.catch(() => {}); // It is awaited below.
  for (const { user, invitation } of bridge.values.users) {
    phones[user] = await Phone.enroll(invitation, bridge.values.origin);
  }
  console.log(`Keycloak 26.7.3 was ready after ${await starting} s\n`);
}

function asks(user, ...more) {
  return agent(['--issuer', realm, '--client-id', id, '--login-hint', user, '--message', 'W4-SCT', ...more], secret);
}

function reported({ code, outcome, errors }) {
  return outcome ? `${outcome}, status ${code}` : `${errors.split('\n')[0].replace(/^error: /, '')}, status ${code}`;
}

function file(name, value) {
  const path = join(files, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

/** Where the bridge says the details of the next request came from, and what became of its callback. */
async function handedOver() {
  return (await bridge.process.event('asked', 60)).details;
}

async function calledBack() {
  const { status, callback } = await bridge.process.event('returned', 60);
  return `${status} ${callback}`;
}

/** The person looks, cannot approve by any way, and denies. */
async function denyOnly(user, asked) {
  const looks = await asked.watch.review();
  const { state: approval } = looks.approval;
  const shown = looks.sections.flatMap((section) => section.rows).some((row) => row.text.includes('did not arrive'));
  const approve = await phones[user].run('approve', looks.challenge, '--yes').then(() => 'approved', (error) => error.code);
  const [{ id: request }] = await bridge.requests();
  const forced = (await bridge.control('POST', `control/requests/${request}/allow`)).status;
  await phones[user].run('deny', looks.challenge);
  return `${approval}, ${shown ? 'says why' : 'says nothing'}, approve: ${approve}, console: ${forced}, deny: ${reported(await asked.outcome)}`;
}

async function watched(user, ...more) {
  const watch = await phones[user].answers('ignore');
  return { watch, outcome: asks(user, ...more) };
}

try {
  await setUp();
} catch (error) {
  console.error(error);
  await cleanUp();
  process.exit(1);
}

// Nobody answers this one; it ends by itself while the others run.
const unanswered = asks('ivan');
await handedOver();

await run(`Keycloak 26.7.3 with sandbox bridge keycloak`, [
  ['agent: approved', "approved, status 0; Keycloak's ID token for agent; phone: approve delivered; SUCCEED delivered", async () => {
    const phone = await phones.alice.answers('approve');
    const answer = await asks('alice');
    const { decision, delivery } = await phone.receipt();
    const { azp, iss } = answer.tokens?.id_token_claims ?? {};
    return `${reported(answer)}; ${iss === realm ? "Keycloak's" : 'some'} ID token for ${azp}; phone: ${decision} ${delivery}; ${await calledBack()}`;
  }],

  ['agent: denied', 'access_denied, status 3; CANCELLED delivered', async () => {
    await phones.bob.answers('deny');
    return `${reported(await asks('bob'))}; ${await calledBack()}`;
  }],

  // Keycloak's tokens name no details: nothing but a reference that was checked shows what the person saw.
  ['details of up to 200 characters', 'sent; Pay 249.00 EUR to ExampleCorp; unconfirmed, status 3', async () => {
    const phone = await phones.carol.answers('approve');
    const asked = asks('carol', '--details', file('short.json', short));
    const how = await handedOver();
    return `${how}; ${(await phone.review()).headline}; ${reported(await asked)}`;
  }],

  ['longer details, lodged first', 'lodged; Pay 249.00 EUR to ExampleCorp, Order 4711: one bicycle…; approved, status 0', async () => {
    const phone = await phones.dave.answers('approve');
    const asked = asks('dave', '--details', file('long.json', long), '--lodge', bridge.values.details_url);
    const how = await handedOver();
    const review = await phone.review();
    const texts = review.sections.flatMap((section) => section.rows).map((row) => row.text);
    const reference = texts.find((text) => text.startsWith('Order 4711'))?.slice(0, 23);
    return `${how}; ${review.headline}, ${reference}…; ${reported(await asked)}`;
  }],

  ['longer details, sent: Keycloak drops them, the person approves', 'none; approve; unconfirmed, status 3', async () => {
    const phone = await phones.erin.answers('approve');
    const asked = asks('erin', '--details', file('dropped.json', long));
    const how = await handedOver();
    const { decision } = await phone.receipt();
    return `${how}; ${decision}; ${reported(await asked)}`;
  }],

  ['a reference to details that are not there', 'missing; blocked, says why, approve: approval_blocked, console: 404, deny: access_denied, status 3', async () => {
    const asked = await watched('frank', '--param', 'authorization_details_ref=sha256.nothing');
    return `${await handedOver()}; ${await denyOnly('frank', asked)}`;
  }],

  ['openid-client: approved, details lodged', 'bearer, ID token verified, Pay 249.00 EUR to ExampleCorp', async () => {
    const config = await client.discovery(new URL(realm), id, secret, client.ClientSecretBasic(secret), {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    });
    const lodged = await fetch(bridge.values.details_url, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(long),
    });
    const { authorization_details_ref } = await lodged.json();
    const phone = await phones.grace.answers('approve');
    const started = await client.initiateBackchannelAuthentication(config, {
      scope: 'openid', login_hint: 'grace', binding_message: 'W4-SCT', authorization_details_ref,
    });
    const tokens = await client.pollBackchannelAuthenticationGrant(config, started);
    const right = tokens.claims().iss === realm && tokens.claims().preferred_username === 'grace';
    return `${tokens.token_type.toLowerCase()}, ID token ${right ? 'verified' : 'wrong'}, ${(await phone.review()).headline}`;
  }],

  // Keycloak counts whole seconds: it may still say pending when the agent's own time is up.
  ['agent: nobody answers', 'expired_token or time_up, status 3', async () =>
    reported(await unanswered).replace(/^(expired_token|time_up),/, 'expired_token or time_up,')],

  ['the bridge is down', 'the server refused the request: server_error (Failed to send authentication request), status 1', async () => {
    await bridge.end();
    return reported(await asks('heidi'));
  }],

  ['without --allow-bare: dropped details', 'missing; blocked, says why, approve: approval_blocked, console: 404, deny: access_denied, status 3', async () => {
    bridge = await bridgeWith();
    const asked = await watched('heidi', '--details', file('required.json', long));
    return `${await handedOver()}; ${await denyOnly('heidi', asked)}`;
  }],

  ['without --allow-bare: lodged details', 'lodged; approved, status 0; SUCCEED delivered', async () => {
    const phone = await phones.heidi.answers('approve');
    await calledBack();
    const asked = asks('heidi', '--details', file('lodged.json', long), '--lodge', bridge.values.details_url);
    const how = await handedOver();
    await phone.receipt();
    return `${how}; ${reported(await asked)}; ${await calledBack()}`;
  }],
]);
