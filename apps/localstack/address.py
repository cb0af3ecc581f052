"""The address of the local web server."""

import http.client
import os
import socket

HOST = "127.0.0.1"
PORTS_TO_TRY = 100


class AddressError(Exception):
    """No address is available; the text is a sentence for the user of the command."""


def wanted_port() -> int:
    """PORT from the environment, 8000 without it."""
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise AddressError(f"PORT={text} is not a port: use a number from 1 to 65535")
    return int(text)


def open_listener(first_port: int) -> socket.socket:
    """A socket listening at the wanted port or the next free one, reachable from this machine only."""
    for port in range(first_port, min(first_port + PORTS_TO_TRY, 65536)):
        listener = socket.socket()
        # A stopped server's connections stay in TIME_WAIT for a minute; without this the port would look taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(128)
        except PermissionError:
            listener.close()
            raise AddressError(f"Port {port} needs more rights than this user has; choose one above 1023") from None
        except OSError:
            listener.close()
            continue
        return listener
    raise AddressError(f"No port from {first_port} on is free; choose another with PORT=")


def listener_url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}/"


def answers(url: str) -> bool:
    """Whether the server answers with a page: not with silence or an error."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("GET", f"/{path}")
        # A redirect to the sign-in page is an answer too.
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
