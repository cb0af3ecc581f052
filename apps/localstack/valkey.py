"""The embedded Valkey: a socket, no port, and two users who can only use their own keys."""

import os
from collections.abc import Mapping
from hashlib import sha256

from apps.core.brokers import QUEUE
from apps.localstack.paths import InstallPaths


def valkey_arguments(paths: InstallPaths) -> list[str]:
    # As root its socket's folder has the application's group, which may use it (apps.localstack.paths).
    permissions = "770" if os.geteuid() == 0 else "700"
    settings = {"port": "0", "unixsocket": str(paths.broker_socket), "unixsocketperm": permissions}
    settings |= {"dir": str(paths.queue), "appendonly": "yes", "save": "", "loglevel": "notice"}
    arguments = [word for name, value in settings.items() for word in (f"--{name}", value)]
    for user, rights in _users(paths.all_secrets()).items():
        arguments += ["--user", user, *rights]
    return arguments


def _users(secrets: Mapping[str, str]) -> dict[str, list[str]]:
    """Users of the embedded Valkey with their rights: each can use its own keys and no server commands.

    There is no access without a password. Both may run scripts, which the libraries use to lock and count.
    """
    # Rights are lists of what is allowed: a command of a later Valkey is not in them.
    common = ["resetchannels", "-@all", "+@connection", "+@scripting", "-script", "+script|load", "-function"]
    rights = {
        "broker": [
            "BROKER_PASSWORD", f"~{QUEUE}", f"~{QUEUE}??[369]", "~_kombu.*", "~unacked*", *common, "+@list", "+@hash",
            "+@sortedset", "+@set", "+@string", "+@transaction", "+@keyspace", "-@dangerous", "-@admin",
        ],
        "cache": [
            "CACHE_PASSWORD", "~hundred:*", *common, "+@string", "+@keyspace", "-@dangerous", "-@admin",
        ],
    }  # fmt: skip
    users = {
        name: ["reset", "on", f"#{sha256(secrets[secret].encode()).hexdigest()}", *permissions]
        for name, (secret, *permissions) in rights.items()
    }
    return {"default": ["reset", "off"], **users}
