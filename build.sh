#!/usr/bin/env bash
# Writes build/lambda.zip (or the path given): the function and what it needs, nothing else.
#   PYTHON_VERSION=3.12 ./build.sh
set -euo pipefail
cd "$(dirname "$0")"

# The newest that Lambda has and that all of this was tested with; supported until June 2029.
VERSION=${PYTHON_VERSION:-3.13}
ZIP=${1:-build/lambda.zip}

rm -f "$ZIP" # a build that stops leaves none to be deployed
stop() { echo "build.sh: $*" >&2; exit 1; }

case $VERSION in
    3.9 | 3.10 | 3.11 | 3.12 | 3.13 | 3.14) ;;
    *) stop "PYTHON_VERSION is '$VERSION': Lambda and the lock file have 3.9 to 3.14" ;;
esac
grep -qx "# cksum of requirements.txt: $(cksum <requirements.txt)" requirements.lock ||
    stop "requirements.lock is not made from this requirements.txt: make lock"
# Lambda runs bytecode of its own Python version only, so that version compiles it.
PYTHON=$(packaging/python.sh "$VERSION" 2>&1) || stop "$PYTHON"
"$PYTHON" -m pip --version >/dev/null 2>&1 || stop "$PYTHON has no pip: install it (ensurepip)"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$(dirname "$ZIP")"
# From wheels alone, so nothing that is downloaded runs here.
if ! "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-user --no-compile \
    --only-binary :all: --require-hashes --requirement requirements.lock --target "$stage/zip" \
    >"$stage/log" 2>&1
then
    # pip says in the last lines of many what it is about.
    stop "the packages of requirements.lock could not be had:" \
        "$(sed 's/^ERROR: //' "$stage/log" | grep -v '^WARNING\|^ *$\|^\[notice' | tail -n 4 | tr -s '[:space:]' ' ')"
fi
"$PYTHON" packaging/bundle.py "$stage/zip" "$ZIP" >"$stage/told" 2>"$stage/log" ||
    stop "$(tail -n 1 "$stage/log")"
echo "$ZIP for python$VERSION: $(paste -sd ' ' "$stage/told" | sed 's/ sha256/, sha256/')"
