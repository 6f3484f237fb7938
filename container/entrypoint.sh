#!/usr/bin/env bash
# Starts fluxapi inside a Flux instance of its own, or in front of the one at FLUX_URI.
#
#   entrypoint.sh [FLAG ...]        fluxapi serve FLAG ..., see `fluxapi serve --help`
#   entrypoint.sh PROGRAM [ARG ...] that program instead
#
# Reads FLUX_USER, FLUX_TOKEN or FLUX_TOKEN_FILE, FLUX_SECRET_KEY or FLUX_SECRET_KEY_FILE,
# FLUX_REQUIRE_AUTH, HOST, PORT, FLUXAPI_ALLOWED_HOSTS, and
#   FLUXAPI_START_OPTIONS  flags of `flux start`
#   FLUXAPI_STATEDIR       a directory in which Flux keeps its jobs over a restart
#   FLUXAPI_RUN_AS         the user to run as, once root has read the secrets
#   FLUXAPI_HOSTS_FILE     in place of /etc/hosts, for tests
set -euo pipefail
umask 077

say() { printf 'fluxapi: %s\n' "$1" >&2; }

# Print the value of a secret, from its variable or from the file that NAME_FILE names.
secret() {
    local file="$1_FILE"
    if [[ -n ${!file-} ]]; then
        cat -- "${!file}"
    else
        printf '%s' "${!1-}"
    fi
}

# Set HOST and PORT as `fluxapi serve` will: a flag comes before the variable.
read_address() {
    export HOST=${HOST:-0.0.0.0} PORT=${PORT:-5000}
    while (($#)); do
        case $1 in
            --host=*) HOST=${1#*=} ;;
            --port=*) PORT=${1#*=} ;;
            --host) HOST=${2-} ;;
            --port) PORT=${2-} ;;
        esac
        shift
    done
}

# Allow the names that others call this machine by in its own network. Docker and Kubernetes write
# them to /etc/hosts. In a Pod (its name ends in NAMESPACE.svc.ZONE) the shorter forms are valid too,
# and a name without a dot in FLUXAPI_ALLOWED_HOSTS is a Service of the same namespace.
allow_own_names() {
    local names=${FLUXAPI_ALLOWED_HOSTS-} hostname=${HOSTNAME:-$(uname -n)} domain='' line name short
    local -a given words
    while read -r line; do
        [[ " ${line%%#*} " == *[[:blank:]]"$hostname"[[:blank:]]* ]] || continue
        # An address, then names. One with another character than those of a name is none.
        read -r -a words <<< "${line%%#*}"
        for name in "${words[@]:1}"; do
            [[ $name =~ ^[[:alnum:]._-]+$ ]] || continue
            names+=,$name
            [[ $name =~ ^[^.]+\.[^.]+(\.[^.]+\.svc\..+)$ ]] && domain=${BASH_REMATCH[1]}
            [[ $name =~ ^([^.]+)\.([^.]+)\.([^.]+)\.svc\. ]] || continue
            short=${BASH_REMATCH[1]}.${BASH_REMATCH[2]}
            names+=,$short,$short.${BASH_REMATCH[3]},$short.${BASH_REMATCH[3]}.svc
        done
    done < "${FLUXAPI_HOSTS_FILE:-/etc/hosts}"
    if [[ -n $domain ]]; then
        IFS=', ' read -r -a given <<< "${FLUXAPI_ALLOWED_HOSTS-}"
        for name in "${given[@]}"; do
            [[ $name == *[.*:]* ]] && continue
            names+=,$name$domain,$name${domain%%.svc.*},$name${domain%%.svc.*}.svc
        done
    fi
    export FLUXAPI_ALLOWED_HOSTS=${names#,}
}

# First, settle who may come in, and start over without a secret in the environment: jobs run as
# this user, and the environment that a process was started with can be read as long as it lives.
prepare() {
    local auth token key
    # Bash exports a local variable where the environment has one of its name.
    export -n auth token key
    auth=${FLUX_REQUIRE_AUTH:-${FLUX_USER_AUTH:-true}}
    token=$(secret FLUX_TOKEN)
    key=$(secret FLUX_SECRET_KEY)
    export FLUX_REQUIRE_AUTH=$auth FLUX_USER=${FLUX_USER:-fluxuser}
    read_address "$@"
    case "${auth,,}" in
        0 | false | no | off)
            say 'auth is off: whoever reaches this port runs jobs as this user.'
            export FLUXAPI_INSECURE=true
            ;;
        *)
            if [[ -z $token ]]; then
                token=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
                announce "$token"
            fi
            ;;
    esac
    allow_own_names
    unset FLUX_USER_AUTH FLUX_TOKEN FLUX_TOKEN_FILE FLUX_SECRET_KEY FLUX_SECRET_KEY_FILE
    # Pipes, since only the user that this starts over as may read them.
    exec 3< <(printf '%s' "$token") 4< <(printf '%s' "$key")
    if [[ $EUID == 0 && -n ${FLUXAPI_RUN_AS-} && -z ${FLUX_URI-} ]]; then
        HOME=$(getent passwd "$FLUXAPI_RUN_AS" | cut -d: -f6)
        export HOME
        cd -- "$HOME"
        exec setpriv --reuid="$FLUXAPI_RUN_AS" --regid="$(id -g "$FLUXAPI_RUN_AS")" --init-groups \
            --inh-caps=-all --no-new-privs "$0" --prepared "$@"
    fi
    exec "$0" --prepared "$@"
}

announce() {
    local shown=$HOST
    case $shown in
        0.0.0.0 | ::) shown=localhost ;;
        *:*) shown="[${shown//[\[\]]/}]" ;;
    esac
    say "open http://$shown:$PORT as user $FLUX_USER with token $1"
    say 'the token was generated for this start; FLUX_TOKEN or FLUX_TOKEN_FILE sets one.'
}

# Next, put the secrets where a program that Flux starts can read them, and start Flux.
prepared() {
    local folder flags=()
    # A job may have left code in the home of this user. Each Python would run it at its start, and
    # so would a bash at the lowest level whose input is a socket, as it is within Flux.
    export PYTHONNOUSERSITE=1 SHLVL=9
    # Until the service has opened them, no signal may leave the secrets behind. The first process of
    # a container also ignores what it has no trap for.
    folder=''
    trap 'rm -rf -- "$folder"; exit 0' TERM INT HUP
    folder=$(mktemp -d "${TMPDIR:-/tmp}/fluxapi.XXXXXXXX")
    cat <&3 > "$folder/token"
    cat <&4 > "$folder/key"
    exec 3<&- 4<&-
    [[ -s $folder/token ]] && flags+=(--token-file /dev/fd/3)
    [[ -s $folder/key ]] && flags+=(--secret-key-file /dev/fd/4)
    # The health check may be another user: it reads this file, and can open nothing else here.
    printf '%s\n%s\n' "$HOST" "$PORT" > "$folder/address"
    chmod 0644 -- "$folder/address"
    chmod 0711 -- "$folder"
    if [[ -n ${FLUX_URI-} ]]; then
        open "$folder" "${flags[@]}" "$@"
    else
        start "$folder" "${flags[@]}" "$@"
    fi
}

# Be the first process of the container, which passes on that it is to end. A broker that is told so
# itself fails, so it is the service that is told; Flux ends with it.
start() {
    local folder=$1 options=() child told='' again=yes status=0
    read -r -a options <<< "${FLUXAPI_START_OPTIONS-}"
    if [[ -n ${FLUXAPI_STATEDIR-} ]]; then
        mkdir -p -- "$FLUXAPI_STATEDIR"
        options+=("-Sstatedir=$FLUXAPI_STATEDIR")
        hold "$folder"
    fi
    # shellcheck disable=SC2317  # by trap
    end() {
        again=yes
        told=yes
        : > "$folder/end"
        kill -TERM "$(cat -- "$folder/pid" 2> /dev/null)" 2> /dev/null || true
    }
    trap end TERM INT HUP
    # A process group of its own: Ctrl-C at a terminal is for this process, not for the broker.
    set -m
    flux start "${options[@]}" "$0" --open "$@" < /dev/null &
    child=$!
    set +m
    while [[ -n $again ]]; do
        again=
        status=0
        wait "$child" || status=$?
    done
    rm -rf -- "$folder"
    # The service that had no time to catch the signal ended by it, as it was told to.
    [[ -n $told && $status == $((128 + 15)) ]] && status=0
    exit "$status"
}

# Have Flux start without its scheduler. It resumes the jobs of its state directory while it starts,
# and these could read the secrets that the service has yet to read. Releases without `flux modprobe`
# cannot load a scheduler of any kind by one name.
hold() {
    [[ -z ${FLUX_SCHED_MODULE-} ]] && flux modprobe --help > /dev/null 2>&1 || return 0
    : > "$1/held"
    export FLUX_SCHED_MODULE=none
}

# Load the scheduler, once only root can see what process $1 has open. Jobs of root can see it all.
release() {
    while [[ $EUID != 0 && -O /proc/$1/environ ]]; do
        sleep 0.05
    done
    flux modprobe load sched feasibility || say 'the scheduler cannot be loaded, so no job starts.'
}

# Last, within Flux: the service reads its secrets from files that are gone.
open() {
    local folder=$1
    shift
    if [[ -e $folder/held ]]; then
        unset FLUX_SCHED_MODULE
        # The service takes over this process, and should have no child that it does not know.
        (release $$ > /dev/null &)
    fi
    exec 3< "$folder/token" 4< "$folder/key"
    rm -- "$folder/token" "$folder/key"
    # The service takes over this process, and so its number.
    echo $$ > "$folder/pid"
    if [[ -e $folder/end ]]; then
        exit 0
    fi
    exec fluxapi serve "$@"
}

serve() {
    local flag
    for flag in "$@"; do
        case $flag in
            -h | --help | --version) exec fluxapi serve "$flag" ;;
        esac
    done
    prepare "$@"
}

case "${1-}" in
    --prepared) shift && prepared "$@" ;;
    --open) shift && open "$@" ;;
    serve) shift && serve "$@" ;;
    --version) exec fluxapi --version ;;
    '' | -*) serve "$@" ;;
    *) exec "$@" ;;
esac
