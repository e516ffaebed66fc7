// Requests to the gateway, as an app without cookies makes them: who is asking
// stands in Authorization, and a busy gateway is asked again when it says so.

import http from 'k6/http';
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';

const baseURL = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/+$/, '');

// Answers with status 500 and above, and requests without any answer. A queue
// that is full says so with 503 by its own rules: that is no error.
export const serverErrors = new Counter('server_errors');

// Being refused is part of the journey; only these are failures to k6.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 499 }));

const attempts = 5;

// call sends a request and returns the last answer: 429 and 503 are tried again,
// up to five times in all, after the seconds they name. `name` stands for the
// address in k6's own metrics. Of the options, `bearer` proves who is asking,
// `body` is sent as JSON, `key` is the Idempotency-Key, `timeout` is k6's.
export function call(name, method, path, { bearer, body, key, timeout } = {}) {
  const headers = { Accept: 'application/json' };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (key) headers['Idempotency-Key'] = key;
  if (body !== undefined) headers['Content-Type'] = 'application/json';

  for (let attempt = 1; ; attempt++) {
    const response = http.request(method, baseURL + path, body === undefined ? null : JSON.stringify(body), {
      headers,
      // An empty jar each time, or k6 would bring the cookies of the last answer.
      jar: new http.CookieJar(),
      tags: { name },
      timeout: timeout || '30s',
    });
    if (response.status === 0 || (response.status >= 500 && json(response).code !== 'queue_full')) {
      serverErrors.add(1, { name, status: String(response.status) });
    }
    if ((response.status !== 429 && response.status !== 503) || attempt === attempts) return response;
    sleep(Number(response.headers['Retry-After']) || 1);
  }
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
