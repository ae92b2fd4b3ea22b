"""Analyses of the whole cohort and of one patient: what puts statistics and reporting together."""
