#!/bin/sh
# A mixed load for a Flux instance with the queues batch and debug: one job of every kind.
set -eu
submit() { flux submit --quiet --queue=batch "$@"; }
id() { flux submit --queue=batch "$@"; }
# A job that an older release may refuse.
may() { "$@" 2>/dev/null || echo "left out: $*" >&2; }

flux submit --quiet --queue=debug --setattr=bank=physics --job-name=banked true
submit --cc=0-3 true
submit false
submit sh -c 'exit 3'
submit sh -c 'kill -KILL $$'
submit -N2 -n4 hostname
submit -N2 --exclusive true
submit -n3 --cores-per-task=1 true
submit /no/such/program
submit --cwd=/no/such/folder true
submit -N99 true
submit --time-limit=0.2s sleep 30
submit --urgency=0 --job-name=held true
submit --urgency=31 true
submit --flags=debug,waitable true
submit --begin-time=+1h true
submit --tasks-per-node=2 -N2 true

failing=$(id --urgency=hold false)
slow=$(id sleep 60)
submit --dependency=afterok:"$failing" true
submit --dependency=afternotok:"$failing" true
submit --dependency=afterany:"$failing" true
may submit --dependency=afterstart:"$slow" true
submit --dependency=afterok:"$slow" true
flux job urgency "$failing" default

noted=$(id sleep 60)
flux job wait-event --quiet "$noted" start
flux job memo "$noted" progress=50 stage=second
flux job raise --type=hint --severity=7 --message="by the way" "$noted"
flux job raise --type=fatal --severity=0 --message="enough" "$noted"

released=$(id --urgency=hold true)
flux job urgency "$released" 20
updated=$(id --urgency=hold --time-limit=60 true)
flux update "$updated" duration=5m
flux job urgency "$updated" default

canceled=$(id sleep 60)
flux job wait-event --quiet "$canceled" start
flux cancel --message="because" "$canceled"
pending=$(id --urgency=hold true)
flux cancel "$pending"
signaled=$(id sleep 60)
flux job wait-event --quiet "$signaled" start
flux job kill --signal=USR1 "$signaled"
flux batch --quiet --queue=batch -n1 --output=/dev/null --wrap true >/dev/null
flux bulksubmit --quiet --queue=batch --job-name={} true ::: one two three

for jobid in $(flux jobs --no-header --format='{id}' --filter=pending,running | sort); do
    case $(flux jobs --no-header --format='{name} {urgency} {dependencies}' "$jobid") in
        sleep\ *|held\ *|*\ 0\ *|*begin*|*after-success*) ;; # these stay
        *) flux job wait-event --quiet "$jobid" clean ;;
    esac
done
