"""The papers' comparisons of networks and trainings: rows trained alike, tested alike, tabulated."""
