#!/usr/bin/env bash
# Installs what the tests need beyond Go: one paragraph below for each need.
# As root on Debian what is missing is installed, and a failure ends the run. Anyone else is told what is missing and
# which tests are therefore left out; the run goes on without them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

updated=
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  local options=(-q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  if [ -z "$updated" ]; then
    apt-get "${options[@]}" update
    updated=yes
  fi
  apt-get "${options[@]}" install -y --no-install-recommends "$@" </dev/null
}

left_out() { printf 'LEFT OUT: %s\n' "$*" >&2; }

# PostgreSQL: the store, the jobs and the whole-program tests run on it beside SQLite. Only its binaries are wanted:
# Debian's package would also create a cluster of the system and start it, which the file below forbids.
if [ -z "${ORDERLY_TEST_POSTGRES:-}" ] && ! ./postgres-bin.sh >/dev/null; then
  if can_install; then
    echo "Installing the PostgreSQL server binaries"
    no_cluster=/etc/postgresql-common/createcluster.d/orderly-tests.conf
    mkdir -p "$(dirname "$no_cluster")"
    trap 'rm -f "$no_cluster"' EXIT
    echo 'create_main_cluster = false' >"$no_cluster"
    apt_install postgresql
    ./postgres-bin.sh >/dev/null || { echo "The package postgresql is installed but brings no initdb" >&2; exit 1; }
  else
    left_out "every test on PostgreSQL: its server binaries are not installed (Debian: apt-get install postgresql," \
      "or run make test as root). You may name a running server instead:" \
      "ORDERLY_TEST_POSTGRES=postgres://user:password@host:port/postgres, a user that may create databases."
  fi
fi

# Vendor contracts: published descriptions and recorded traffic, kept beside the project and never inside it.
if [ ! -d ../../shared/contracts ]; then
  left_out "the tests against published and recorded vendor traffic: no folder shared/contracts beside the checkout." \
    "The tests on the project's own data run."
fi

# Chromium: the browser tests walk through the dashboard as people do.
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
  if can_install; then
    echo "Installing Chromium"
    apt_install chromium
  else
    left_out "the browser tests: Chromium is not installed (Debian: apt-get install chromium, or run make test as root)"
  fi
fi

# axe-core: the browser tests check every screen's accessibility with it.
if ! command -v curl >/dev/null || ! command -v openssl >/dev/null; then
  if can_install; then apt_install curl openssl ca-certificates; fi
fi
if ! ./axe.sh >/dev/null; then
  left_out "the accessibility check of the browser tests: axe-core cannot be had from the npm registry"
fi
