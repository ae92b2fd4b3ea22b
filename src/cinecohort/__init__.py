"""Cohort-scale cardiac MR phenotyping: from cine DICOM to the printed study."""

from importlib.metadata import version

__version__ = version("cinecohort")
