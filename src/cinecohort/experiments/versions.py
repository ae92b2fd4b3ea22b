"""Versions of the steps of experiments: what is raised when a step's results change."""

VERSIONS = {"datasets": 2, "rows": 3, "tests": 3, "tables": 3, "curves": 1, "panels": 1}
"""Version of each kind of step, raised by hand when its code changes what comes out: it is then done anew."""
