#!/usr/bin/env bash
# Prints the event of a recycle, or of a command for it; `make recycle` sends it.
#   OPTIONS="batch_size=10% wait_time=60" packaging/recycle.sh
#   COMMAND=status packaging/recycle.sh
set -euo pipefail

stop() { echo "recycle: $*" >&2; exit 1; }

event='"action": "recycle"'
if [ -n "${COMMAND:-}" ]; then
    [[ $COMMAND =~ ^[a-z]+$ ]] || stop "COMMAND is '$COMMAND': status, pause, resume or cancel"
    event+=", \"command\": \"$COMMAND\""
fi
# The function checks names and values, and its error says what each may be.
# Without a delimiter it reads every line, and ends at the end of the text with 1.
read -r -d '' -a options <<<"${OPTIONS:-}" || true
for option in ${options[@]+"${options[@]}"}; do
    [[ $option =~ ^([a-z_]+)=([A-Za-z0-9%.:+-]+)$ ]] ||
        stop "OPTIONS has '$option': write name=value, such as batch_size=10%"
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    [[ $value =~ ^(true|false|0|[1-9][0-9]*|(0|[1-9][0-9]*)\.[0-9]+)$ ]] || value="\"$value\""
    event+=", \"$name\": $value"
done
echo "{$event}"
