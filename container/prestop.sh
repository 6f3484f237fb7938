#!/usr/bin/env bash
# Tells the service of this container to end: the Pod's preStop hook. The first process of a Pod of
# the Flux Operator is a shell that does not pass on the SIGTERM of `kubectl delete`. It ends by
# itself once the service, and with it the Flux instance, has ended.
#
# In the Pods that only run a broker there is no service, and nothing to do.
set -euo pipefail

for file in "${TMPDIR:-/tmp}"/fluxapi.*/pid; do
    # A job can put other things here, such as a named pipe that would never be read to its end.
    [[ -f $file && ! -L $file ]] || continue
    { read -r -n 20 pid < "$file"; } 2> /dev/null || continue
    [[ $pid =~ ^[0-9]+$ ]] || continue
    # The file may be older than the process of that number.
    if tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -q 'fluxapi serve'; then
        kill -TERM "$pid" || true
    fi
done
