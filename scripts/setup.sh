#!/usr/bin/env bash
# Installs what this project's tests and tools need and this machine lacks.
#
#   scripts/setup.sh [test] [load] [lint] [cache] [shop] [deploy] [scale]      (no argument: test)
#
#   test  redis-server and mariadb-server, from the packages of Debian or Ubuntu,
#         without letting them start as daemons; neither where TEST_REDIS_URL and
#         TEST_MYSQL_DSN name servers, or a Docker engine answers. And a C compiler,
#         which the race detector needs, curl, with which the README is tried, and
#         Chromium, in which the pages are
#   load  k6, into .tools/bin
#   lint  golangci-lint, into .tools/bin
#   cache nginx, from the packages of Debian or Ubuntu
#   deploy nginx, Prometheus with promtool, Redis, MariaDB with its clients and systemd-analyze,
#         as packages: what is shipped is run with these, and not in containers. Prometheus is
#         19 MB, which is why it is not of `test`
#   scale Redis, MariaDB with Galera and rsync, by which its nodes fetch their data, and nginx, as
#         packages: several of each are run on this machine
#   shop  a shop that nobody here wrote, json-server from npm, into .tools/shop; nginx and
#         Caddy to stand before it; and Node, Python and PHP, which check passes as shops do
#
# Safe to run again: what is there is left alone. One line says so for each thing.
set -euo pipefail

readonly K6=go.k6.io/k6@v1.8.1
readonly JSON_SERVER=json-server@0.17.4
readonly GOLANGCI_LINT=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools/bin
shop=$root/.tools/shop
policy=/usr/sbin/policy-rc.d

# Daemons live where an ordinary user's PATH may not lead.
PATH=$PATH:/usr/sbin:/usr/local/sbin:/usr/libexec

fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

# have prints the path of the first of its arguments that is a program here.
have() {
	local name path
	for name; do
		if path=$(command -v "$name") && [ -x "$path" ]; then
			echo "$path"
			return 0
		fi
	done
	return 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

docker_answers() {
	have docker >/dev/null && timeout 5 docker info >/dev/null 2>&1
}

three_ways() {
	fail "the tests need a real Redis and a real MySQL-compatible server, and $1.
Any of these will do:
  1. TEST_REDIS_URL=redis://host:6379/0 and TEST_MYSQL_DSN='user:password@tcp(host:3306)/',
     servers that tests may write to (the user may CREATE and DROP DATABASE)
  2. a Docker engine
  3. redis-server and mariadbd (or mysqld) installed here; as root, or with sudo, on
     Debian and Ubuntu this script installs them"
}

# apt_install installs packages while a policy keeps their daemons from starting:
# the tests start servers of their own, and a machine should not listen on ports
# that nobody asked for. A policy that is there already is the machine's own.
apt_install() {
	have apt-get >/dev/null || three_ways "apt-get is not here to install $*"
	[ "$(id -u)" -eq 0 ] || have sudo >/dev/null || three_ways "installing $* takes root or sudo"
	if [ ! -e "$policy" ]; then
		trap 'as_root rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 ||
		echo "apt-get update failed; going on with the package lists at hand" >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 ||
		three_ways "apt-get could not install $*"
}

setup_test() {
	local missing=() path
	if path=$(have redis-server valkey-server); then
		echo "redis: $path"
	elif [ -n "${TEST_REDIS_URL:-}" ]; then
		echo "redis: TEST_REDIS_URL"
	elif docker_answers; then
		echo "redis: Docker"
	else
		missing+=(redis-server)
	fi
	if path=$(have mariadbd mysqld); then
		echo "mysql: $path"
	elif [ -n "${TEST_MYSQL_DSN:-}" ]; then
		echo "mysql: TEST_MYSQL_DSN"
	elif docker_answers; then
		echo "mysql: Docker"
	else
		missing+=(mariadb-server)
	fi
	have gcc cc clang >/dev/null || missing+=(gcc libc6-dev)
	have curl >/dev/null || missing+=(curl ca-certificates)
	have chromium >/dev/null || missing+=(chromium)
	[ ${#missing[@]} -gt 0 ] || return 0
	apt_install "${missing[@]}"
	printf 'installed: %s\n' "${missing[@]}"
}

setup_cache() {
	local path
	if path=$(have nginx); then
		echo "nginx: $path"
		return 0
	fi
	apt_install nginx-light
	echo "installed: nginx-light"
}

setup_deploy() {
	local missing=() path program
	local -A packages=([nginx]=nginx-light [prometheus]=prometheus [promtool]=prometheus [redis-server]=redis-server
		[mariadbd]=mariadb-server [mariadb-dump]=mariadb-client [systemd-analyze]=systemd [openssl]=openssl)
	for program in "${!packages[@]}"; do
		if path=$(have "$program"); then
			echo "$program: $path"
		else
			missing+=("${packages[$program]}")
		fi
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	apt_install "${missing[@]}"
	printf 'installed: %s\n' "${missing[@]}"
}

setup_scale() {
	local missing=() path program
	local -A packages=([nginx]=nginx-light [redis-server]=redis-server [mariadbd]=mariadb-server [rsync]=rsync [ss]=iproute2)
	for program in "${!packages[@]}"; do
		if path=$(have "$program"); then
			echo "$program: $path"
		else
			missing+=("${packages[$program]}")
		fi
	done
	for path in /usr/lib/galera /usr/lib64/galera-4 /usr/lib64/galera /usr/lib; do
		[ ! -e "$path/libgalera_smm.so" ] || break
	done
	if [ -e "$path/libgalera_smm.so" ]; then
		echo "galera: $path/libgalera_smm.so"
	else
		missing+=(galera-4)
	fi
	[ ${#missing[@]} -gt 0 ] || return 0
	apt_install "${missing[@]}"
	printf 'installed: %s\n' "${missing[@]}"
}

setup_shop() {
	setup_cache
	have caddy >/dev/null || apt_install caddy
	have npm >/dev/null || apt_install nodejs npm
	have python3 >/dev/null || apt_install python3
	python3 -c 'import cryptography' 2>/dev/null || apt_install python3-cryptography
	have php >/dev/null || apt_install php-cli
	if [ -x "$shop/node_modules/.bin/json-server" ]; then
		echo "$JSON_SERVER: .tools/shop"
		return 0
	fi
	npm install --prefix "$shop" --no-audit --no-fund --ignore-scripts "$JSON_SERVER" >&2 || fail "npm install $JSON_SERVER failed"
	echo "$JSON_SERVER: .tools/shop, installed"
}

# is_version says whether the program $1 is version $2: by what Go built into it,
# or by what it says of itself.
is_version() {
	go version -m "$1" 2>/dev/null | awk -v want="$2" '$1 == "mod" && $3 == want { found = 1 } END { exit !found }' ||
		"$1" version 2>/dev/null | grep -qwF "${2#v}"
}

# go_tool installs the Go program $1 (package@version) into .tools/bin, unless that
# version is there or in PATH.
go_tool() {
	local package=${1%@*} version=${1#*@} name path
	name=${package##*/}
	for path in "$tools/$name" "$(have "$name" || true)"; do
		if [ -x "$path" ] && is_version "$path" "$version"; then
			echo "$name $version: $path"
			return 0
		fi
	done
	have go >/dev/null || fail "$name: go is not here to build it; see https://go.dev/dl/"
	mkdir -p "$tools"
	# GOFLAGS may be meant for this project alone (-mod, -tags).
	GOFLAGS='' GOBIN=$tools go install "$1" >&2 || fail "$name: go install $1 failed"
	echo "$name $version: $tools/$name, installed"
}

[ $# -gt 0 ] || set -- test
for set; do
	case $set in
	test) setup_test ;;
	load) go_tool "$K6" ;;
	lint) go_tool "$GOLANGCI_LINT" ;;
	cache) setup_cache ;;
	shop) setup_shop ;;
	deploy) setup_deploy ;;
	scale) setup_scale ;;
	-h | --help | help) awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0" ;;
	*) fail "unknown set '$set': test, load, lint, cache, shop, deploy or scale" ;;
	esac
done
