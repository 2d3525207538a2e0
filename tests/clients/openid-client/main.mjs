// openid-client (npm) as the client of `sandbox serve`, with phones on the real core.
//
//   SANDBOX=target/debug/sandbox node tests/clients/openid-client/main.mjs

import * as client from 'openid-client';
import { run } from '../cases.mjs';
import { Phone, Server } from '../sandbox.mjs';

const details = [{
  type: 'payment_initiation',
  instructedAmount: { amount: '249.00', currency: 'EUR' },
  creditorName: 'ExampleCorp',
  creditorAccount: { iban: 'DE89370400440532013000' },
}];

const server = await Server.start(['serve', '--interval', '1', '--dpop', '--no-per-user-limit', '--expiry-error', 'expired_token']);
const { issuer, client_id: id, client_secret: secret, audience } = server.values;

/** A configuration that checks signatures, and the answers of its token endpoint in the order they came. */
async function configured(authentication = client.ClientSecretPost(secret)) {
  const config = await client.discovery(new URL(issuer), id, secret, authentication, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  });
  const polls = [];
  config[client.customFetch] = async (url, options) => {
    const answer = await fetch(url, options);
    if (url === config.serverMetadata().token_endpoint) {
      const { error } = await answer.clone().json();
      polls.push(error ?? 'tokens');
    }
    return answer;
  };
  return { config, polls };
}

/** A user with a phone, both new: what one case does is not remembered in the next. */
async function person() {
  const user = (await server.control('POST', 'control/users', {})).body.user_id;
  const { invitation } = (await server.control('POST', 'control/invitation', { user_id: user })).body;
  return { user, phone: await Phone.enroll(invitation, server.values.origin) };
}

function hint(sub) {
  return JSON.stringify({ format: 'iss_sub', iss: issuer, sub });
}

function start(config, user, more = {}) {
  return client.initiateBackchannelAuthentication(config, {
    scope: 'openid', login_hint: hint(user), binding_message: 'Order 4711', ...more,
  });
}

/** What the library reports instead of a result: the server's error with its status, or its own. */
async function error(work) {
  try {
    await work;
    return 'no error';
  } catch (thrown) {
    return thrown.error ? `${thrown.error} (${thrown.status})` : `${thrown.name}: ${thrown.message}`;
  }
}

async function approve(authentication) {
  const { config, polls } = await configured(authentication);
  const { user, phone } = await person();
  const answer = await phone.answers('approve');
  const tokens = await client.pollBackchannelAuthenticationGrant(config, await start(config, user));
  const receipt = await answer.receipt();
  const claims = tokens.claims();
  const right = claims.sub === user && claims.iss === issuer && claims.aud === id;
  return `${polls.at(-1)}, ${tokens.token_type}, ID token ${right ? 'right and verified' : 'wrong'}, phone: ${receipt.decision} ${receipt.delivery}`;
}

await run('openid-client 6.8.9 against sandbox serve', [
  ['approved', 'tokens, bearer, ID token right and verified, phone: approve delivered', () => approve()],
  ['approved, client_secret_basic', 'tokens, bearer, ID token right and verified, phone: approve delivered',
    () => approve(client.ClientSecretBasic(secret))],

  ['denied', 'access_denied (400), phone: deny delivered', async () => {
    const { config } = await configured();
    const { user, phone } = await person();
    const answer = await phone.answers('deny');
    const reported = await error(client.pollBackchannelAuthenticationGrant(config, await start(config, user)));
    const receipt = await answer.receipt();
    return `${reported}, phone: ${receipt.decision} ${receipt.delivery}`;
  }],

  ['pending, then approved by a person', 'authorization_pending first, tokens last', async () => {
    const { config, polls } = await configured();
    const { user, phone } = await person();
    const looks = await phone.answers('ignore');
    const waiting = client.pollBackchannelAuthenticationGrant(config, await start(config, user));
    const { challenge } = await looks.review();
    while (polls.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await phone.run('approve', challenge, '--yes');
    await waiting;
    return `${polls[0]} first, ${polls.at(-1)} last`;
  }],

  ['slow_down: a client in a hurry', 'authorization_pending, slow_down, tokens', async () => {
    const { config, polls } = await configured();
    const { user, phone } = await person();
    const looks = await phone.answers('ignore');
    const acknowledged = await start(config, user);
    const waiting = client.pollBackchannelAuthenticationGrant(config, { ...acknowledged, interval: 0.1 });
    const { challenge } = await looks.review();
    while (!polls.includes('slow_down')) await new Promise((resolve) => setTimeout(resolve, 20));
    await phone.run('approve', challenge, '--yes');
    await waiting;
    return [...new Set(polls)].join(', ');
  }],

  ['expired: the server says so', 'expired_token (400)', async () => {
    const { config } = await configured();
    const { user } = await person();
    const acknowledged = await start(config, user, { requested_expiry: '2' });
    // Asked for longer than the server keeps it: the library's own limit is out of the way.
    return error(client.pollBackchannelAuthenticationGrant(config, { ...acknowledged, expires_in: 60 }));
  }],

  ['expired: the library stops by itself', 'ClientError: operation timed out', async () => {
    const { config } = await configured();
    const { user } = await person();
    const acknowledged = await start(config, user, { requested_expiry: '2' });
    const reported = await error(client.pollBackchannelAuthenticationGrant(config, { ...acknowledged, interval: 5 }));
    return reported;
  }],

  ['unknown user', 'unknown_user_id (400)', async () => {
    const { config } = await configured();
    return error(start(config, 'auth0|nobody'));
  }],

  ['wrong secret', 'invalid_client (401)', async () => {
    const { config } = await configured(client.ClientSecretPost('wrong'));
    return error(start(config, 'auth0|nobody'));
  }],

  ['rich authorization request', 'Pay 249.00 EUR to ExampleCorp; granted as sent', async () => {
    const { config } = await configured();
    const { user, phone } = await person();
    const answer = await phone.answers('approve');
    const more = { audience, authorization_details: JSON.stringify(details) };
    const tokens = await client.pollBackchannelAuthenticationGrant(config, await start(config, user, more));
    const { headline } = await answer.review();
    const same = JSON.stringify(tokens.authorization_details) === JSON.stringify(details);
    return `${headline}; granted ${same ? 'as sent' : 'otherwise'}`;
  }],

  ['rich authorization request, unknown type', 'invalid_authorization_details (400)', async () => {
    const { config } = await configured();
    const { user } = await person();
    const more = { audience, authorization_details: '[{"type":"made_up"}]' };
    return error(start(config, user, more));
  }],

  ['DPoP', 'dpop, bound to the key, user info 200 with it and 401 without', async () => {
    const { config } = await configured();
    const { user, phone } = await person();
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
    await phone.answers('approve');
    const tokens = await client.pollBackchannelAuthenticationGrant(config, await start(config, user), undefined, { DPoP });
    const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'));
    const bound = claims.cnf?.jkt === await DPoP.calculateThumbprint();
    const url = new URL(config.serverMetadata().userinfo_endpoint);
    const info = await client.fetchUserInfo(config, tokens.access_token, user, { DPoP });
    const without = await fetch(url, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const right = info.sub === user ? 200 : 'wrong';
    return `${tokens.token_type}, ${bound ? 'bound to the key' : 'not bound'}, user info ${right} with it and ${without.status} without`;
  }],

  ['tokens are handed out once', 'invalid_grant (400)', async () => {
    const { config } = await configured();
    const { user, phone } = await person();
    await phone.answers('approve');
    const acknowledged = await start(config, user);
    await client.pollBackchannelAuthenticationGrant(config, acknowledged);
    return error(client.pollBackchannelAuthenticationGrant(config, acknowledged));
  }],
]);
