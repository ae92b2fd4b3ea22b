"""Cohort-scale cardiac MR phenotyping: from cine DICOM to the printed study."""

import os
import sys
import tempfile
from pathlib import Path

__version__ = "0.1.0"


def _keep_to_itself() -> None:
    """Let no library report to its makers or write into the home folder.

    OpenVINO posts every import and conversion to an analytics server wherever its telemetry package is
    installed, and does without where that cannot be imported. Matplotlib keeps its list of fonts in the home
    folder, and takes settings from there that would change the figures.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    if "matplotlib" in sys.modules or "MPLCONFIGDIR" in os.environ:
        return
    folder = Path(tempfile.gettempdir()) / f"cinecohort-matplotlib-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ours = folder.stat().st_uid == os.getuid() and not folder.is_symlink()
    except OSError:
        return
    if ours:
        os.environ["MPLCONFIGDIR"] = str(folder)


_keep_to_itself()
