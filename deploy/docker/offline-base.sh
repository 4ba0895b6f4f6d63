#!/bin/sh
# A base image without a registry: the programs named, as this machine has them, with their libraries, as a tar.
#   sh deploy/docker/offline-base.sh node | docker import - rdl-base
#   docker build --build-arg BASE=rdl-base …
set -eu
[ $# -gt 0 ] || { echo "usage: offline-base.sh PROGRAM..." >&2; exit 2; }
for program in "$@"; do
  path=$(command -v "$program") || { echo "there is no $program here" >&2; exit 1; }
  echo "$path"
  # A program linked statically has none.
  ldd "$path" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' || true
done | sort -u | sed 's,^/,,' | tar --create --dereference --directory=/ --files-from=- --owner=0 --group=0
