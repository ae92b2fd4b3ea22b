"""Damaged input for every reader: random and by design, in processes that may die."""
