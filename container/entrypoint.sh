#!/usr/bin/env bash
# Starts fluxapi inside a Flux instance of its own, or in front of the one at FLUX_URI.
#
#   entrypoint.sh [FLAG ...]        fluxapi serve FLAG ..., see `fluxapi serve --help`
#   entrypoint.sh PROGRAM [ARG ...] that program instead
#
# Reads FLUX_USER, FLUX_TOKEN or FLUX_TOKEN_FILE, FLUX_SECRET_KEY or FLUX_SECRET_KEY_FILE,
# FLUX_REQUIRE_AUTH, HOST, PORT, and FLUXAPI_START_OPTIONS, the flags of `flux start`.
set -euo pipefail
umask 077

say() { printf 'fluxapi: %s\n' "$1" >&2; }

case "${1-}" in
    '' | -*) ;;
    serve) shift ;;
    *) exec "$@" ;;
esac

export HOST=${HOST:-0.0.0.0} PORT=${PORT:-5000} FLUX_USER=${FLUX_USER:-fluxuser}
auth=${FLUX_REQUIRE_AUTH:-${FLUX_USER_AUTH:-true}}
export FLUX_REQUIRE_AUTH=$auth
unset FLUX_USER_AUTH

# The value of a secret, from its variable or from the file that NAME_FILE names.
secret() {
    local file="$1_FILE"
    if [[ -n ${!file-} ]]; then
        cat -- "${!file}"
    else
        printf '%s' "${!1-}"
    fi
}

token=$(secret FLUX_TOKEN)
key=$(secret FLUX_SECRET_KEY)

case "${auth,,}" in
    0 | false | no | off)
        say 'auth is off: whoever reaches this port runs jobs as this user.'
        export FLUXAPI_INSECURE=true
        ;;
    *)
        if [[ -z $token ]]; then
            token=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
            shown=$HOST
            [[ $shown == 0.0.0.0 || $shown == :: ]] && shown=localhost
            say "open http://$shown:$PORT as user $FLUX_USER with token $token"
            say 'the token was made up for this start; FLUX_TOKEN or FLUX_TOKEN_FILE sets one.'
        fi
        ;;
esac

# Jobs run as this user and can read the environment of the brokers: no secret may be there. The
# files are gone as soon as the service has opened them.
secrets=$(mktemp -d "${TMPDIR:-/tmp}/fluxapi.XXXXXXXX")
printf '%s' "$token" > "$secrets/token"
printf '%s' "$key" > "$secrets/key"
has_token=${token:+yes}
has_key=${key:+yes}
unset FLUX_TOKEN FLUX_TOKEN_FILE FLUX_SECRET_KEY FLUX_SECRET_KEY_FILE token key

# shellcheck disable=SC2016  # for the shell that flux starts
serve='
exec 3< "$1/token" 4< "$1/key"
rm -r -- "$1"
shift
exec fluxapi serve "$@"
'
set -- bash -c "$serve" fluxapi "$secrets" \
    ${has_token:+--token-file /dev/fd/3} ${has_key:+--secret-key-file /dev/fd/4} "$@"

if [[ -n ${FLUX_URI-} ]]; then
    exec "$@"
fi
# Words on purpose: they are flags.
# shellcheck disable=SC2086
exec flux start ${FLUXAPI_START_OPTIONS-} "$@"
