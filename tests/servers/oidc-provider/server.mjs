// oidc-provider (npm) with CIBA and rich authorization requests, on loopback, in this process. Its authentication
// device is whoever calls `approve` and `deny`.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import Provider, { errors } from 'oidc-provider';

/** A client whose secret goes into the header, and one whose secret goes into the body. */
export const basic = { id: 'agent-basic', secret: 'a secret: with+signs/and%' };
export const post = { id: 'agent-post', secret: 'post-secret' };
export const resource = 'https://api.bank.example';

/** Requests with this word in their message are polled too fast at less than this distance. */
const SLOW = { word: 'slow', seconds: 8 };

const ciba = 'urn:openid:params:grant-type:ciba';

/** `slowDown` adds the rule that the provider lacks; every poll is then noted in `polls`. */
export async function start({ slowDown = true } = {}) {
  const http = createServer();
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const issuer = `http://127.0.0.1:${http.address().port}`;
  const asked = new Map();
  const polls = [];
  const provider = new Provider(issuer, configuration((request) => asked.set(request.params.binding_message, request)));
  // The provider itself never says slow_down (9.13.3): the rule of CIBA Core §11, as middleware.
  if (slowDown) provider.use(async (ctx, next) => {
    await next();
    const id = ctx.oidc?.params?.auth_req_id;
    if (!id) return;
    const message = [...asked.entries()].find(([, request]) => request.jti === id)?.[0];
    const before = polls.findLast((poll) => poll.message === message);
    const now = Date.now();
    const fast = message?.includes(SLOW.word) && before && now - before.at < SLOW.seconds * 1000;
    if (fast && ctx.body?.error === 'authorization_pending') {
      const { error, error_description } = new errors.SlowDown();
      ctx.body = { error, error_description };
    }
    polls.push({ message, at: now, answer: ctx.body?.error ?? 'tokens', auth: ctx.headers.authorization ? 'basic' : 'post' });
  });
  http.on('request', provider.callback());

  /** The request with this message, once it is there. */
  async function request(message) {
    for (let tries = 0; ; tries += 1) {
      if (asked.has(message)) return asked.get(message);
      if (tries === 1_000) throw new Error(`nobody asked ${message}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** What is asked for, if there is time left to answer: the provider itself would take a late answer. */
  async function answerable(message) {
    const { jti } = await request(message);
    const found = await provider.BackchannelAuthenticationRequest.find(jti, { ignoreExpiration: true });
    if (found.isExpired) throw new Error('the request has expired');
    return found;
  }

  return {
    issuer,
    request,
    polls: (message) => polls.filter((poll) => poll.message === message),
    async approve(message) {
      const found = await answerable(message);
      const grant = new provider.Grant({ accountId: found.accountId, clientId: found.clientId });
      grant.addOIDCScope(found.scope);
      if (found.resource) grant.addResourceScope(found.resource, found.scope);
      await grant.save();
      const rar = found.params.authorization_details && JSON.parse(found.params.authorization_details);
      await provider.backchannelResult(found, grant, { rar });
    },
    async deny(message) {
      await provider.backchannelResult(await answerable(message), new errors.AccessDenied());
    },
    close: () => http.close(),
  };
}

function configuration(ring) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const client = ({ id, secret }, method) => ({
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: method,
    grant_types: [ciba],
    redirect_uris: [],
    response_types: [],
    backchannel_token_delivery_mode: 'poll',
    authorization_details_types: ['payment_initiation'],
  });
  const granted = (ctx, source) => source.rar;
  return {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'signs' }] },
    cookies: { keys: ['of no use here'] },
    ttl: {
      BackchannelAuthenticationRequest: (ctx) => Number(ctx.oidc.params.requested_expiry ?? 120),
      Grant: 120, AccessToken: 120, IdToken: 120,
    },
    clients: [client(basic, 'client_secret_basic'), client(post, 'client_secret_post')],
    findAccount: (ctx, id) => (id === 'nobody' ? undefined : { accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      ciba: {
        enabled: true,
        deliveryModes: ['poll'],
        processLoginHint: (ctx, hint) => hint,
        verifyUserCode() {},
        validateRequestContext() {},
        validateBindingMessage() {},
        triggerAuthenticationDevice: (ctx, request) => ring(request),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: () => ({ scope: 'openid', accessTokenFormat: 'jwt', audience: resource }),
      },
      richAuthorizationRequests: {
        enabled: true,
        types: {
          payment_initiation: {
            validate(ctx, detail) {
              if (typeof detail.creditorName !== 'string') throw new errors.InvalidAuthorizationDetails('creditorName is missing');
            },
          },
        },
        authorizationDetailsForGrantSource: granted,
        authorizationDetailsForAccessToken: granted,
        authorizationDetailsForIntrospection: (ctx, token) => token.rar,
      },
    },
  };
}
