#!/bin/sh
# Keys and tokens for the compose files, in deploy/compose/secrets (or RDL_SECRETS): secrets.sh SOURCE USER
# The private key stays with whoever ran this: move signing.jwk away from the machines.
set -eu
[ $# -eq 2 ] || { echo "usage: secrets.sh SOURCE USER" >&2; exit 2; }
directory=${RDL_SECRETS:-$(dirname "$0")/secrets}
mkdir -p "$directory"
cd "$directory"
umask 077
[ -e signing.jwk ] || rdl key generate > signing.jwk
rdl key public --key-file signing.jwk > public.jwk
rdl token issue --key-file signing.jwk --source "$1" --ttl 365d > source.token
rdl token issue --key-file signing.jwk --user "$2" --ttl 90d > "$2.token"
# Read by the user of the images, 65532, and by its group. Who may not give files away lets them be read by all.
chmod 444 public.jwk
chown 65532:65532 source.token 2>/dev/null && chmod 440 source.token || chmod 444 source.token
