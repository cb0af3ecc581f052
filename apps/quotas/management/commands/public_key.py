from typing import Any

from apps.ledger.management.house import HouseCommand
from apps.quotas.freeze.signing import fingerprint, public_key


class Command(HouseCommand):
    help = "Prints the public key that verifies frozen results of this installation, as PEM."

    def handle(self, *args: Any, **options: Any) -> None:
        pem = public_key()
        if not options["json"]:
            self.warn(f"Fingerprint: {fingerprint(pem)}")
        self.tell(options, {"public_key": pem, "fingerprint": fingerprint(pem)}, pem.strip())
