"""Imported first by every script: the package is that of this checkout, whatever is installed beside it.

A conda environment holds only what the package depends on, so that it cannot run older code than is checked
out.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
