"""Proves that a CSV is a frozen result, with no Django: `python scripts/verify.py FILE --public-key KEY.pem`.

The proof is one file that needs nothing of the rest, apps/results/verification.py; this only runs it.
"""

import runpy
from pathlib import Path

PROOF = Path(__file__).resolve().parent.parent / "apps" / "results" / "verification.py"

if __name__ == "__main__":
    runpy.run_path(str(PROOF), run_name="__main__")
