#!/usr/bin/env bash
# Load Kayzen into PostgreSQL and keep the state for the next run: docs/deployment.md.
# Arguments go to the tap. The target takes its settings from TARGET_POSTGRES_...
set -euo pipefail

state=${KAYZEN_STATE:-state.json}
if [ -s "$state" ]; then
    set -- "$@" --state "$state"
fi

tap-kayzen "$@" | target-postgres --config ENV >"$state.lines" &

# Stop the tap alone: the target then loads what it has and prints the state of that.
trap 'kill "$(jobs -p)"; wait' TERM INT

code=0
wait %1 || code=$?

# A wrong setting ends the run before any state: keep the old one.
if [ -s "$state.lines" ]; then
    tail -n 1 "$state.lines" >"$state.new"
    mv "$state.new" "$state"
fi
exit "$code"
