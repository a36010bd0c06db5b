#!/usr/bin/env bash
# Brings axe-core, which the browser tests check the screens' accessibility with, from the npm registry into bin/ and
# prints its path. The content is pinned by its hash.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=4.14.1
hash=FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
file=bin/axe-core-$version.js

if [ ! -f "$file" ]; then
  mkdir -p bin
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  curl -fsSL --retry 3 --max-time 120 -o "$folder/axe.tgz" "https://registry.npmjs.org/axe-core/-/axe-core-$version.tgz"
  if [ "$(openssl dgst -sha512 -binary "$folder/axe.tgz" | openssl base64 -A)" != "$hash" ]; then
    echo "axe-core $version from the npm registry is not what it was" >&2
    exit 1
  fi
  tar -xzf "$folder/axe.tgz" -C "$folder" package/axe.min.js
  mv "$folder/package/axe.min.js" "$file"
fi
echo "$PWD/$file"
