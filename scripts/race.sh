#!/usr/bin/env bash
# Runs the tests of the named packages under the race detector, which needs a C compiler, in random order.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
go=${GO:-go}

if ! command -v "$("$go" env CC)" >/dev/null; then
  echo "LEFT OUT: the race detector needs a C compiler (Debian: apt-get install gcc libc6-dev)" >&2
  exit 0
fi

packages=()
for pattern in "$@"; do
  if [ -d "${pattern%/...}" ]; then
    packages+=("$pattern")
  fi
done
if [ ${#packages[@]} = 0 ]; then
  echo "None of these packages exists: $*" >&2
  exit 1
fi
# -short leaves out long tests of one goroutine, in which nothing can race.
CGO_ENABLED=1 "$go" test -race -short -shuffle=on -timeout 20m "${packages[@]}"
