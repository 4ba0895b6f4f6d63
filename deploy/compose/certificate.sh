#!/bin/sh
# A certificate of an authority of your own for the compose files, in deploy/compose/secrets (or RDL_SECRETS), good for a
# year: certificate.sh NAME_OR_ADDRESS...
# ca.pem goes to whoever is to trust it, ca.key to nobody. Where a public authority will do, take its certificate instead:
# then nobody has to be told whom to trust.
set -eu
[ $# -gt 0 ] || { echo "usage: certificate.sh NAME_OR_ADDRESS..." >&2; exit 2; }
directory=${RDL_SECRETS:-$(dirname "$0")/secrets}
mkdir -p "$directory"
cd "$directory"
umask 077
names=
for name in "$@"; do
  case $name in
    *:*) names=$names,IP:$name ;;
    *[!0-9.]*) names=$names,DNS:$name ;;
    *) names=$names,IP:$name ;;
  esac
done
new_key() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$@" 2>/dev/null; }
[ -e ca.key ] || new_key ca.key -x509 -out ca.pem -days 3650 -subj "/CN=rdl's own authority"
new_key cert.key -out cert.csr -subj "/CN=$1"
printf 'subjectAltName=%s\n' "${names#,}" >cert.ext
openssl x509 -req -in cert.csr -extfile cert.ext -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" \
  -days 365 -out cert.pem 2>/dev/null
rm cert.csr cert.ext
# A certificate is no secret; its key is given to the user who serves with it, as tls.yaml and proxy-tls.yaml say.
chmod 444 ca.pem cert.pem
chmod 400 cert.key
