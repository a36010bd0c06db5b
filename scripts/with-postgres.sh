#!/usr/bin/env bash
# Runs a command beside a throw-away PostgreSQL cluster:
#
#   scripts/with-postgres.sh go test ./...
#
# The command finds its address, of a user that may create databases, in ORDERLY_TEST_POSTGRES. The cluster lives in
# a temporary folder, listens on a free loopback port, forgets what a crash would lose (fsync off: tests prove
# Orderly's durability, not PostgreSQL's) and is stopped and removed when the command ends, however it ends.
# Where ORDERLY_TEST_POSTGRES is set already, that server is used. Where PostgreSQL is missing, the command runs
# without the variable (scripts/test-setup.sh has said what that leaves out), but not in CI, where nothing may be left out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[ $# -gt 0 ] || { echo "usage: $0 command [argument...]" >&2; exit 64; }

if [ -n "${ORDERLY_TEST_POSTGRES:-}" ]; then
  exec "$@"
fi
if ! bin=$("$here/postgres-bin.sh"); then
  if [ -n "${CI:-}" ]; then
    echo "PostgreSQL is missing, and CI leaves nothing out: run scripts/test-setup.sh as root first" >&2
    exit 1
  fi
  exec "$@"
fi

# PostgreSQL refuses to run as root.
as_server=()
if [ "$(id -u)" = 0 ]; then
  as_server=(runuser -u postgres --)
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/orderly-postgres.XXXXXX")
server() { (cd "$dir" && "${as_server[@]}" "$bin/$1" "${@:2}"); }
cleanup() {
  trap '' INT TERM HUP
  if [ -f "$dir/data/postmaster.pid" ]; then
    server pg_ctl stop -D "$dir/data" -m immediate -w -s || true
  fi
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
(umask 077 && printf '%s\n' "$password" >"$dir/password")
if [ "$(id -u)" = 0 ]; then
  chown -R postgres: "$dir"
fi

# Text sorts by the rules of a language, as on most servers in the field: a query that needs the order of bytes says so.
locale=(--locale=C.UTF-8)
if "$bin/initdb" --help | grep -q -- --icu-locale; then
  locale+=(--locale-provider=icu --icu-locale=en-US)
fi
server initdb -D "$dir/data" -U orderly --pwfile="$dir/password" --auth=scram-sha-256 \
  --encoding=UTF8 "${locale[@]}" --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }

cat >>"$dir/data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
full_page_writes = off
synchronous_commit = off
max_connections = 300
shared_buffers = 128MB
jit = off
timezone = 'UTC'
EOF

# PostgreSQL cannot pick a free port by itself: another is tried when somebody has this one.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  port=$((20000 + RANDOM % 10000))
  if server pg_ctl start -D "$dir/data" -l "$dir/server.log" -w -s -o "-p $port" >/dev/null 2>&1; then
    break
  fi
  if [ "$attempt" = 10 ] || ! grep -qi 'address already in use' "$dir/server.log"; then
    echo "The throw-away PostgreSQL does not start:" >&2
    cat "$dir/server.log" >&2
    exit 1
  fi
  rm -f "$dir/server.log"
done

export ORDERLY_TEST_POSTGRES="postgres://orderly:$password@127.0.0.1:$port/postgres?sslmode=disable"
status=0
"$@" || status=$?
exit "$status"
