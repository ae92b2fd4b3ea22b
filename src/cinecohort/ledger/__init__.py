"""The tables of a cohort and of its users: which columns they have, and how they are read and written."""
