#!/usr/bin/env bash
# Loads a gateway with k6's whole journey; its thresholds are the invariants. With
# BASE_URL it loads that one (ADMIN_TOKEN lets it judge what is stored); without, it
# starts one on the embedded default in a directory of its own, and ends it.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -n "${BASE_URL:-}" ]]; then
  exec k6 run --quiet scripts/k6/journey.js
fi

data=$(mktemp -d)
pid=
finish() {
  if [[ -n "$pid" ]]; then
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  fi
  rm -rf "$data"
}
trap finish EXIT

# What this shell may have set for another gateway is not meant for this one.
unset FRONTROW_REDIS_URL FRONTROW_MYSQL_DSN FRONTROW_SECRET FRONTROW_ADMIN_TOKEN FRONTROW_DEMO_CHARGES

bin/frontrow seed --data-dir "$data"
bin/frontrow serve --data-dir "$data" --listen 127.0.0.1:0 >"$data/out" 2>"$data/log" &
pid=$!
for _ in $(seq 100); do
  [[ -s "$data/gateway" ]] && break
  kill -0 "$pid" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done
BASE_URL=$(cat "$data/gateway")
ADMIN_TOKEN=$(cat "$data/admin-token")
for _ in $(seq 100); do # until the show's queue and door are open
  curl -fs -o /dev/null "$BASE_URL/v1/shows/demo/seats/state" && break
  sleep 0.1
done
export BASE_URL ADMIN_TOKEN SHOW=demo
k6 run --quiet scripts/k6/journey.js
