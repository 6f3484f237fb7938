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

# The value of a secret, from its variable or from the file that NAME_FILE names.
secret() {
    local file="$1_FILE"
    if [[ -n ${!file-} ]]; then
        cat -- "${!file}"
    else
        printf '%s' "${!1-}"
    fi
}

# First: settle who may come in, and begin anew without a secret in the environment. Jobs run as
# this user, and what a process was started with can be read as long as it lives.
prepare() {
    local auth token key folder shown flags=()
    # Bash exports a local variable where the environment has one of its name.
    export -n auth token key
    auth=${FLUX_REQUIRE_AUTH:-${FLUX_USER_AUTH:-true}}
    token=$(secret FLUX_TOKEN)
    key=$(secret FLUX_SECRET_KEY)
    export HOST=${HOST:-0.0.0.0} PORT=${PORT:-5000} FLUX_USER=${FLUX_USER:-fluxuser}
    export FLUX_REQUIRE_AUTH=$auth
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
    folder=$(mktemp -d "${TMPDIR:-/tmp}/fluxapi.XXXXXXXX")
    printf '%s' "$token" > "$folder/token"
    printf '%s' "$key" > "$folder/key"
    [[ -n $token ]] && flags+=(--token-file /dev/fd/3)
    [[ -n $key ]] && flags+=(--secret-key-file /dev/fd/4)
    unset FLUX_USER_AUTH FLUX_TOKEN FLUX_TOKEN_FILE FLUX_SECRET_KEY FLUX_SECRET_KEY_FILE
    if [[ -n ${FLUX_URI-} ]]; then
        exec "$0" --open "$folder" "${flags[@]}" "$@"
    fi
    exec "$0" --start "$folder" "${flags[@]}" "$@"
}

# Then: be the first process of the container, which passes on that it is to end. A broker that is
# told so itself fails, so it is the service that is told; Flux ends with it.
start() {
    local folder=$1 child status=0 again=yes
    # shellcheck disable=SC2317  # by trap
    end() {
        again=yes
        kill -TERM "$(cat -- "$folder/pid" 2> /dev/null || echo "$child")" 2> /dev/null || true
    }
    # Words on purpose: they are flags.
    # shellcheck disable=SC2086
    flux start ${FLUXAPI_START_OPTIONS-} "$0" --open "$@" &
    child=$!
    trap end TERM INT HUP
    while [[ -n $again ]]; do
        again=
        status=0
        wait "$child" || status=$?
    done
    rm -rf -- "$folder"
    exit "$status"
}

# Last, within Flux: the service reads its secrets from files that are gone.
open() {
    local folder=$1
    shift
    exec 3< "$folder/token" 4< "$folder/key"
    rm -- "$folder/token" "$folder/key"
    # The service takes over this process, and so its number.
    echo $$ > "$folder/pid"
    exec fluxapi serve "$@"
}

case "${1-}" in
    --start) shift && start "$@" ;;
    --open) shift && open "$@" ;;
    serve) shift && prepare "$@" ;;
    '' | -*) prepare "$@" ;;
    *) exec "$@" ;;
esac
