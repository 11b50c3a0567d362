#!/usr/bin/env bash
# Prints the interpreter of a Python version: packaging/python.sh 3.13
set -euo pipefail

# With pyenv the `python3.x` on the PATH may be a stand-in that does not run.
candidates() {
    echo "python$1"
    echo python3
    echo python
    echo "$(pyenv prefix "$1" 2>/dev/null)/bin/python"
    uv python find "$1" 2>/dev/null
}

while read -r each; do
    if "$each" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
        command -v "$each"
        exit
    fi
done < <(candidates "$1")
echo "there is no Python $1 here: install it, or choose one that is with PYTHON_VERSION" >&2
exit 1
