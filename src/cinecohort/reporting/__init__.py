"""Figures, tables, the Typst template and the methods text."""
