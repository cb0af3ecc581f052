"""Fetches Plotly's small bundle by npm: `make plotly-basic` writes it to var/plotly, for PLOTLY_BUNDLE.

It has scatter, bar and pie, which cover the charts here, and less than a third of the packaged bundle's size. The
version is that of the installed package, and the archive must have the digest below.
"""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from scripts.bootstrap import ROOT

PACKAGE = "plotly.js-basic-dist-min"
VERSION = "4.1.1"
SHA512 = "1oNF8PeQx2hv/y7tqEVWKD3JGwn/MGEMQ8mL9HUwsaqG9FGy/OU5FHUHvzqbqxN4mnwZGI9abTiE775C4kkjMQ=="
MEMBER = "package/plotly-basic.min.js"
BUNDLE = ROOT / "var" / "plotly" / "plotly-basic.min.js"


def fetch(bundle: Path = BUNDLE) -> None:
    """Write the bundle, complete or not at all. Raises SystemExit with a sentence when that fails."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("This needs npm, which comes with Node. Without it the packaged bundle is served as before.")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", folder, "--silent"]
        if subprocess.run(command, cwd=folder, check=False).returncode:
            raise SystemExit(f"npm could not fetch {PACKAGE} {VERSION}; see its output above.")
        unpack(next(Path(folder).glob("*.tgz")), bundle)


def unpack(archive: Path, bundle: Path) -> None:
    """Extract the script from the archive, which must be the tested one."""
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise SystemExit(f"{PACKAGE} {VERSION} is not the archive that was tried: its SHA-512 is {digest}.")
    with tarfile.open(archive) as packed:
        member = packed.extractfile(MEMBER)
        if member is None:
            raise SystemExit(f"{MEMBER} is no file in the archive.")
        content = member.read()
    bundle.parent.mkdir(parents=True, exist_ok=True)
    unfinished = bundle.with_suffix(".new")
    unfinished.write_bytes(content)
    unfinished.replace(bundle)


def main() -> None:
    fetch()
    print(f"{BUNDLE.stat().st_size:,} bytes. To serve it, put this into .env, then collectstatic and restart:")
    print(f"PLOTLY_BUNDLE={BUNDLE}")


if __name__ == "__main__":
    main()
