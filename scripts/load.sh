#!/usr/bin/env bash
# Loads gateways with the scripts of scripts/k6; their thresholds are the invariants.
#
#   scripts/load.sh                  all of them, one after the other, and the broken one
#   SCRIPT=rush scripts/load.sh      one: journey, rush, fairness, holds, retune, soak, broken
#
# It starts two gateways on a Redis and a database of their own, in a directory that
# goes with it, and lets k6 ask them in turn. With BASE_URL or BASE_URLS it loads those
# that run (ADMIN_TOKEN lets it judge what is stored), with the journey unless SCRIPT
# names another.
#
# The broken one is a gateway without the cap on how many are inside: k6 must exit with
# 99 and name `cap`, or its thresholds would prove nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly ALL=(journey rush fairness holds retune soak broken)

script=${SCRIPT:-}
if [[ -n "$script" && ! " ${ALL[*]} " == *" $script "* ]]; then
  echo "SCRIPT must be one of ${ALL[*]}, not '$script'" >&2
  exit 2
fi

if [[ -n "${BASE_URL:-}${BASE_URLS:-}" ]]; then
  [[ "$script" != broken ]] || { echo "SCRIPT=broken builds a gateway of its own: give no BASE_URL" >&2; exit 2; }
  exec k6 run --quiet "scripts/k6/${script:-journey}.js"
fi

data=$(mktemp -d)
pids=()
servers_in=
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [[ -n "$servers_in" ]]; then
    exec {servers_in}>&-
    wait "$servers" 2>/dev/null || true
  fi
  rm -rf "$data"
}
trap finish EXIT

# What this shell may have set for another gateway is not meant for these.
unset "${!FRONTROW_@}" ADMIN_TOKEN

# wait_for tries a command for twenty seconds.
wait_for() {
  for _ in $(seq 200); do
    "$@" && return 0
    sleep 0.1
  done
  echo "gave up: $*" >&2
  tail -n 5 "$data"/*.log >&2
  return 1
}

# serve starts the gateway $1 by the name $2, with further arguments, and puts its
# address into $address once the show $show is open there.
serve() {
  local binary=$1 name=$2
  shift 2
  "$binary" serve --listen 127.0.0.1:0 "$@" >"$data/$name.out" 2>"$data/$name.log" &
  pids+=($!)
  wait_for grep -q 'look at' "$data/$name.out"
  address=$(awk '/look at/ { print $3 }' "$data/$name.out")
  wait_for curl -fs -o /dev/null "$address/v1/shows/$show/seats/state"
}

# start_servers starts Redis and the database, and names them to frontrow.
start_servers() {
  go build -tags nomsgpack -o bin/servers ./scripts/servers
  mkfifo "$data/until"
  bin/servers <"$data/until" >"$data/servers" 2>"$data/servers.log" &
  servers=$!
  exec {servers_in}>"$data/until"
  for _ in $(seq 600); do
    [[ $(wc -l <"$data/servers") -eq 2 ]] && break
    kill -0 "$servers" 2>/dev/null || { cat "$data/servers.log" >&2; exit 1; }
    sleep 0.1
  done
  { read -r FRONTROW_REDIS_URL; read -r FRONTROW_MYSQL_DSN; } <"$data/servers"
  FRONTROW_SECRET=$(head -c 32 /dev/urandom | base64)
  FRONTROW_ADMIN_TOKEN=$(head -c 16 /dev/urandom | base64)
  export FRONTROW_REDIS_URL FRONTROW_MYSQL_DSN FRONTROW_SECRET FRONTROW_ADMIN_TOKEN
}

# short are the options that keep a script short; the rest is of the environment.
short() {
  case $1 in
  rush) echo "-e TAIL_SECONDS=10" ;;
  holds) echo "-e TRIES=4" ;;
  soak) echo "-e DURATION=${DURATION:-30s} -e RATE=4" ;;
  esac
}

# sound runs the scripts named against two gateways on servers.
sound() {
  local urls=() name failed=()
  start_servers
  show=load
  # Seats enough for everybody who buys, and people let in fast enough to be done soon.
  go run ./scripts/hall -seats "$((500 + 5 * ${VISITORS:-200}))" -show "$show" -admit 10 -interval-ms 500 \
    -max-active 100 -absence-seconds 30 >"$data/load.yaml"
  bin/frontrow migrate >/dev/null
  bin/frontrow seed --file "$data/load.yaml"
  for name in one two; do
    serve bin/frontrow "$name"
    urls+=("$address")
  done
  for name; do
    echo "== $name, against ${urls[*]}"
    # shellcheck disable=SC2046 # the options are words
    BASE_URLS=$(IFS=,; echo "${urls[*]}") ADMIN_TOKEN=$FRONTROW_ADMIN_TOKEN SHOW= \
      k6 run --quiet $(short "$name") "scripts/k6/$name.js" || failed+=("$name")
  done
  [[ ${#failed[@]} -eq 0 ]] || { echo "crossed thresholds: ${failed[*]}" >&2; return 1; }
}

# broken builds a gateway without the cap, and wants k6 to see it.
broken() {
  local root=$PWD script=queue/lua/admit.lua line='local vacant = r.max_active - active' code=0
  unset "${!FRONTROW_@}"
  grep -qxF "$line" "$script" || { echo "$script has no line '$line' to break" >&2; return 1; }
  sed "s/^$line\$/local vacant = 1000000/" "$script" >"$data/admit.lua"
  printf '{"Replace": {"%s": "%s"}}\n' "$root/$script" "$data/admit.lua" >"$data/overlay.json"
  go build -tags nomsgpack -overlay "$data/overlay.json" -o "$data/broken" ./cmd/frontrow
  show=tight
  go run ./scripts/hall -seats 200 -show "$show" -admit 10 -max-active 5 >"$data/tight.yaml"
  "$data/broken" seed --data-dir "$data/embedded" --file "$data/tight.yaml"
  serve "$data/broken" broken --data-dir "$data/embedded"
  echo "== broken: a gateway without the cap, against $address"
  BASE_URL=$address ADMIN_TOKEN=$(cat "$data/embedded/admin-token") SHOW=$show VISITORS=30 TAIL_SECONDS=0 \
    k6 run --quiet scripts/k6/rush.js >"$data/broken.txt" 2>&1 || code=$?
  grep 'have been crossed' "$data/broken.txt" || true
  if [[ $code -ne 99 ]] || ! grep "have been crossed" "$data/broken.txt" | grep -qw cap; then
    cat "$data/broken.txt" >&2
    echo "a gateway without the cap was not seen: k6 exited with $code" >&2
    return 1
  fi
  echo "seen: k6 exited with 99 and named cap"
}

case $script in
'')
  sound "${ALL[@]:0:6}"
  broken
  ;;
broken) broken ;;
*) sound "$script" ;;
esac
