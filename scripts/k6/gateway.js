// Requests to the gateways, as an app without cookies makes them: who is asking
// stands in Authorization, and a busy gateway is asked again when it says so. With
// several gateways each request goes to the next one, as behind a balancer.
//
// All of it is asynchronous, so that one VU can be many visitors and see what they
// see together: VUs share no memory.

import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { addresses, text } from './options.js';

export const gateways = addresses(text('BASE_URLS') ? 'BASE_URLS' : 'BASE_URL', 'http://127.0.0.1:8080');
export const adminToken = text('ADMIN_TOKEN');

// Answers with status 500 and above, and requests without any answer. A queue
// that is full says so with 503 by its own rules: that is no error.
export const serverErrors = new Counter('server_errors');

// Requests that one gateway did not answer and another one was asked.
const movedOn = new Counter('moved_on');

// Being refused is part of the journey; only these are failures to k6.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 499 }));

const attempts = 5;

let turn = Math.floor(Math.random() * gateways.length);

// call sends a request and returns the last answer: 429 and 503 are tried again,
// up to five times in all, after the seconds they name. A gateway that does not
// answer is passed over for the next, where asking twice can do no harm. `name`
// stands for the address in k6's own metrics. Of the options, `bearer` proves who is
// asking, or `cookies` do; `body` is sent as JSON, `key` is the Idempotency-Key,
// `timeout` is k6's, and `at` is the one gateway to ask.
export async function call(name, method, path, { bearer, cookies, body, key, timeout, at } = {}) {
  const headers = { Accept: 'application/json' };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (cookies) headers['X-Frontrow'] = '1';
  if (key) headers['Idempotency-Key'] = key;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const repeatable = method !== 'POST' || Boolean(key);

  for (let attempt = 1; ; attempt++) {
    const base = at || gateways[turn++ % gateways.length];
    const response = await http.asyncRequest(method, base + path, body === undefined ? null : JSON.stringify(body), {
      headers,
      cookies,
      // An empty jar each time, or k6 would bring the cookies of the last answer.
      jar: new http.CookieJar(),
      tags: { name },
      timeout: timeout || '30s',
    });
    if (response.status === 0 && !at && attempt < gateways.length && (repeatable || refused(response))) {
      movedOn.add(1, { name });
      continue;
    }
    if (response.status === 0 || (response.status >= 500 && json(response).code !== 'queue_full')) {
      serverErrors.add(1, { name, status: String(response.status) });
    }
    if ((response.status !== 429 && response.status !== 503) || attempt === attempts) return response;
    await pause(Number(response.headers['Retry-After']) || 1);
  }
}

// refused tells whether nobody took the connection: nothing was done then.
function refused(response) {
  return response.error_code >= 1210 && response.error_code < 1220;
}

// askAdmin sends a request as the operator.
export function askAdmin(name, method, path, options = {}) {
  return call(name, method, `/v1/admin${path}`, { bearer: adminToken, ...options });
}

// json reads an answer's body; what is not JSON reads as an empty object, which
// then fails the checks on its fields.
export function json(response) {
  try {
    return response.json() || {};
  } catch (_) {
    return {};
  }
}

// pause waits without keeping the other visitors of this VU from going on.
export function pause(seconds) {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, seconds * 1000)));
}
