#!/usr/bin/env bash
# Makes the env files of compose.yaml, with secrets of their own, in the directory $1
# (here: deploy). What is there is left alone: a database keeps the password that it was
# made with.
set -euo pipefail
dir=${1:-$(dirname "$0")}
umask 077

random() { openssl rand -hex 24; }

# write writes the file $1 from standard input, unless it is there.
write() {
	if [ -e "$dir/$1" ]; then
		echo "$dir/$1 is there"
	else
		cat >"$dir/$1"
		echo "$dir/$1"
	fi
}

if [ -e "$dir/mysql.env" ]; then
	password=$(sed -n 's/^MYSQL_PASSWORD=//p' "$dir/mysql.env")
else
	password=$(random)
fi
write mysql.env <<END
MYSQL_PASSWORD=$password
MYSQL_ROOT_PASSWORD=$(random)
END
write frontrow.env <<END
# Secrets of the gateways, and what else they are to be told (docs/configuration.md).
FRONTROW_SECRET=$(openssl rand -base64 32)
FRONTROW_ADMIN_TOKEN=$(random)
FRONTROW_MYSQL_DSN=frontrow:$password@tcp(mysql:3306)/frontrow
END
write grafana.env <<END
GF_SECURITY_ADMIN_PASSWORD=$(random)
END
