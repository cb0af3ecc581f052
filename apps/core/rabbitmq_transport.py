"""RabbitMQ by TLS with its certificate verified: by which authority, and for which host.

kombu reads the options of a Redis address (`ssl_ca_certs=PATH`) but not those of an `amqps://` address, and without
options its client compares no host name.
"""

import ssl
from typing import Any

from kombu.transport import pyamqp


# Registered for amqps:// in config.celery, because Celery reads the address from the environment before its settings.
class Transport(pyamqp.SSLTransport):
    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        given = client.ssl if isinstance(client.ssl, dict) else {}
        client.ssl = {
            "cert_reqs": ssl.CERT_REQUIRED,
            # The system's authorities by default. The second name is that of an earlier connection.
            "ca_certs": given.get("ssl_ca_certs") or given.get("ca_certs"),
            # kombu replaces None by the host name of the address.
            "server_hostname": None,
        }
