"""Write requirements.lock and cinecohort.yaml from what is installed in this environment."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_OURS = ("pip", "setuptools", "wheel", "cinecohort")


def pins() -> list[str]:
    """Every installed distribution as ``name==version``, without build tags such as ``+cpu``."""
    command = [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude-editable"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return sorted(line.split("+")[0] for line in lines if line.split("==")[0] not in NOT_OURS)


def main() -> None:
    """Write both files from one list, so that pip and conda users get the same versions."""
    pinned = pins()
    header = "# Every version that the tests run with; `make lock` writes this file.\n"
    (ROOT / "requirements.lock").write_text(header + "\n".join(pinned) + "\n")
    environment = ["# Written by `make lock` with the pins of requirements.lock.", "channels:"]
    environment += [
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
    ]
    environment += [f"      - {pin}" for pin in pinned]
    (ROOT / "envs" / "cinecohort.yaml").write_text("\n".join(environment) + "\n")


if __name__ == "__main__":
    main()
