// oidc-provider (npm) as the server of `sandbox agent`, found by its metadata alone.
//
//   SANDBOX=target/debug/sandbox node tests/servers/oidc-provider/main.mjs

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../clients/cases.mjs';
import { agent, folder } from '../../clients/sandbox.mjs';
import { basic, post, resource, start } from './server.mjs';

const details = [{
  type: 'payment_initiation',
  instructedAmount: { amount: '249.00', currency: 'EUR' },
  creditorName: 'ExampleCorp',
}];

const provider = await start();
const files = folder();

function file(name, value) {
  const path = join(files, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

function asks(message, more = [], { id, secret } = basic, auth = 'basic', user = 'alice') {
  return agent([
    '--issuer', provider.issuer, '--client-id', id, '--client-auth', auth, '--login-hint', user,
    '--message', message, ...more,
  ], secret);
}

/** The outcome with the exit status that scripts see, or the error. */
function reported({ code, outcome, errors }) {
  return outcome ? `${outcome}, status ${code}` : `${errors.split('\n')[0].replace(/^error: /, '')}, status ${code}`;
}

const rich = ['--param', `resource=${resource}`];

await run('sandbox agent against oidc-provider 9.13.3', [
  ['approved, secret in the header', 'approved, status 0; by basic; ID token of alice', async () => {
    const asked = asks('approve');
    await provider.approve('approve');
    const answer = await asked;
    return `${reported(answer)}; by ${provider.polls('approve')[0].auth}; ID token of ${answer.tokens?.id_token_claims.sub}`;
  }],

  ['approved, secret in the body (by metadata)', 'approved, status 0; by post', async () => {
    const asked = asks('approve-post', [], post, 'auto');
    await provider.approve('approve-post');
    return `${reported(await asked)}; by ${provider.polls('approve-post')[0].auth}`;
  }],

  ['no interval in the start answer', 'first poll after 5 s', async () => {
    const begun = Date.now();
    const asked = asks('interval');
    await provider.approve('interval');
    await asked;
    const waited = (provider.polls('interval')[0].at - begun) / 1000;
    return waited >= 5 && waited < 8 ? 'first poll after 5 s' : `first poll after ${waited} s`;
  }],

  ['rich authorization request', 'approved, status 0; granted as sent', async () => {
    const asked = asks('rich', [...rich, '--details', file('rich.json', details)]);
    await provider.approve('rich');
    const answer = await asked;
    const same = JSON.stringify(answer.tokens?.authorization_details) === JSON.stringify(details);
    return `${reported(answer)}; granted ${same ? 'as sent' : 'otherwise'}`;
  }],

  ['denied', 'access_denied, status 3', async () => {
    const asked = asks('deny');
    await provider.deny('deny');
    return reported(await asked);
  }],

  ['pending, then slow_down, then approved', 'authorization_pending, slow_down, tokens; 10 s between the last two', async () => {
    const asked = asks('slow');
    while (provider.polls('slow').at(-1)?.answer !== 'slow_down') await new Promise((resolve) => setTimeout(resolve, 50));
    await provider.approve('slow');
    const answer = await asked;
    const polls = provider.polls('slow');
    const apart = Math.round((polls.at(-1).at - polls.at(-2).at) / 1000);
    return `${polls.map((poll) => poll.answer).join(', ')}; ${apart} s between the last two${answer.code ? `, status ${answer.code}` : ''}`;
  }],

  ['expired', 'expired_token, status 3', async () => reported(await asks('expire', ['--expiry', '6']))],

  ['approved too late', 'the request has expired; expired_token, status 3', async () => {
    const asked = asks('late', ['--expiry', '6']);
    await provider.request('late');
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    const late = await provider.approve('late').then(() => 'approved', (error) => error.message);
    return `${late}; ${reported(await asked)}`;
  }],

  ['unknown user', 'the server refused the request: unknown_user_id (could not identify end-user), status 1', async () => (
    reported(await asks('nobody', [], basic, 'basic', 'nobody'))
  )],

  ['wrong secret', 'the server refused the request: invalid_client (client authentication failed), status 1', async () => (
    reported(await asks('wrong-secret', [], { ...basic, secret: 'wrong' }))
  )],

  ['rich request without a resource', 'the server refused the request: invalid_target (resource indicator must be provided or defaulted to when Rich Authorization Requests are used), status 1', async () => (
    reported(await asks('no-resource', ['--details', file('no-resource.json', details)]))
  )],

  ['rich request of an unknown type', 'the server refused the request: invalid_authorization_details (unsupported authorization details type value (authorization details index 0)), status 1', async () => (
    reported(await asks('unknown-type', [...rich, '--details', file('unknown-type.json', [{ type: 'made_up' }])]))
  )],
], { atOnce: true });
