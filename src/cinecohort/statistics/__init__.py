"""Agreement, reliability, matching and group comparison: tables in, tables out, no images."""
