"""Subjects, shards, the per-subject store, what changed, the flow of exclusions."""
