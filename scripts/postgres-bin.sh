#!/usr/bin/env bash
# Prints the folder with the PostgreSQL server binaries (initdb, pg_ctl, postgres), the newest version first;
# exits 1 when there is none. Debian keeps them out of PATH, in a folder for each version.
set -euo pipefail

if initdb=$(command -v initdb); then
  dirname "$(readlink -f "$initdb")"
  exit 0
fi
newest=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
[ -x "$newest" ] || exit 1
dirname "$newest"
