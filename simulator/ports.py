"""Free ports on loopback that nothing takes while their server is down."""

import random
import socket

# Linux takes the local port of an outgoing connection from 32768 upwards
# (net.ipv4.ip_local_port_range). A server that stops and starts again on its
# port needs one from below, or a connection may sit on it by then.
_PORTS = range(20_000, 32_768)


def bind_free(host: str = "127.0.0.1") -> socket.socket:
    """A TCP socket bound to a free port of `host`; it does not listen yet."""
    for port in random.sample(_PORTS, 200):
        bound = socket.socket()
        try:
            bound.bind((host, port))
        except OSError:
            bound.close()
        else:
            # After the bind, so that two of us never share a port, and before
            # it listens, so that it can do so again whatever lingers there.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return bound
    raise OSError(f"no free port on {host} among 200 tried in {_PORTS}")


def free_port() -> int:
    """The number of a TCP port of 127.0.0.1 that is free now."""
    with bind_free() as bound:
        return port_of(bound)


def port_of(bound: socket.socket) -> int:
    """The port a socket is bound to."""
    port = bound.getsockname()[1]
    assert isinstance(port, int)
    return port
