"""Verifies that a CSV is a frozen result, without Django: `python scripts/verify.py FILE --public-key KEY.pem`.

apps/results/verification.py does the verification and needs nothing else; this file only runs it.
"""

import runpy
from pathlib import Path

PROOF = Path(__file__).resolve().parent.parent / "apps" / "results" / "verification.py"

if __name__ == "__main__":
    runpy.run_path(str(PROOF), run_name="__main__")
