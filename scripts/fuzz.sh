#!/usr/bin/env bash
# Runs every fuzz target of the named packages, one after the other: fuzz.sh 10s ./...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
go=${GO:-go}
time=$1
shift

count=0
while read -r package dir; do
  while read -r target; do
    echo "=== $target in $package"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
    count=$((count + 1))
  done < <(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort)
done < <("$go" list -f '{{.ImportPath}} {{.Dir}}' "$@")
echo "$count fuzz targets ran for $time each"
