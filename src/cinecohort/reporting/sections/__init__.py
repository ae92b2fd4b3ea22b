"""The sections of the study report, one module each."""
