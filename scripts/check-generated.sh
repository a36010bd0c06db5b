#!/usr/bin/env bash
# Runs the generators and fails when that changes, adds or removes a file. Files are compared with what they were
# before, so the check is as good in a tree with uncommitted work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sums=$(mktemp -d)
trap 'rm -rf "$sums"' EXIT
# One line a file, with its content's hash; a tracked file that is not there has no line.
snapshot() {
  git ls-files -z --cached --others --exclude-standard | sort -zu |
    while IFS= read -r -d '' file; do
      if [ -f "$file" ]; then printf '%s\0' "$file"; fi
    done | xargs -0 -r sha256sum | sort -k 2
}

snapshot >"$sums/before"
"${MAKE:-make}" --no-print-directory generate
snapshot >"$sums/after"
if ! diff "$sums/before" "$sums/after" >"$sums/difference"; then
  echo "Generated files are not what their generators make; run \`make generate\` and commit:" >&2
  sed -nE 's/^[<>] [0-9a-f]{64} [ *]/  /p' "$sums/difference" | sort -u >&2
  git --no-pager diff --stat >&2
  exit 1
fi
echo "Generated files are up to date"
