"""Description of the datasets: subjects, pathologies, sites, scanners, resolution (Chen 2020, Table II)."""

import pandas as pd


def describe_datasets(participants: pd.DataFrame, conversion: pd.DataFrame | None = None) -> pd.DataFrame:
    """Describe each dataset in a row.

    Parameters
    ----------
    participants
        ``subject, dataset`` and, where known, ``group, site, vendor, scanner, field_t``.
    conversion
        ``subject, dx_mm, dy_mm, dz_mm`` and, where the participants' table does not know them, ``vendor,
        scanner, field_t``.

    Returns
    -------
    pandas.DataFrame
        ``dataset, n_subjects, cohort, n_sites, scanners, in_plane_mm, slice_spacing_mm``; shares are of the
        subjects of whom the value is known, whose number is given where it is not all.
    """
    table = participants.drop_duplicates("subject")
    if conversion is not None and not conversion.empty:
        table = _with_missing(table, conversion.drop_duplicates("subject"))
    if "dataset" not in table:
        table = table.assign(dataset="")
    rows = []
    for dataset, part in table.groupby("dataset", sort=False, dropna=False):
        rows.append(
            {
                "dataset": dataset,
                "n_subjects": len(part),
                "cohort": _shares(part.get("group")),
                "n_sites": _text(part.get("site")).nunique(),
                "scanners": _shares(_scanner(part)),
                "in_plane_mm": _range(part.get("dx_mm"), part.get("dy_mm")),
                "slice_spacing_mm": _range(part.get("dz_mm")),
            }
        )
    return pd.DataFrame(rows)


def _with_missing(table: pd.DataFrame, conversion: pd.DataFrame) -> pd.DataFrame:
    wanted = [
        name for name in ("dx_mm", "dy_mm", "dz_mm", "vendor", "scanner", "field_t") if name in conversion
    ]
    facts = table[["subject"]].join(conversion.set_index("subject")[wanted], on="subject")
    filled = {
        name: table[name].where(_text(table[name]).notna(), facts[name]) if name in table else facts[name]
        for name in wanted
    }
    return table.assign(**filled)


def _text(values: pd.Series | None) -> pd.Series:
    if values is None:
        return pd.Series(dtype="string")
    text = values.astype("string").str.strip()
    return text.where(text != "")


def _scanner(part: pd.DataFrame) -> pd.Series:
    """Field strength, model and vendor in one text, as far as they are known."""
    numbers = pd.to_numeric(part.get("field_t", pd.Series(index=part.index, dtype=float)), errors="coerce")
    field = numbers.map(lambda value: f"{value:g} T" if pd.notna(value) else None).astype("string")
    columns = [field, *(_text(part.get(name)).reindex(part.index) for name in ("scanner", "vendor"))]
    joined = [", ".join(value for value in row if pd.notna(value)) for row in zip(*columns, strict=True)]
    return pd.Series(joined, index=part.index, dtype="string")


def _shares(values: pd.Series | None) -> str:
    text = _text(values)
    known = text.dropna()
    if known.empty:
        return ""
    counts = known.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shares = "; ".join(f"{name} ({100 * count / len(known):.1f}%)" for name, count in counts.items())
    return shares if len(known) == len(text) else f"{shares}; of {len(known)} known"


def _range(*columns: pd.Series | None) -> str:
    numbers = [pd.to_numeric(column, errors="coerce").dropna() for column in columns if column is not None]
    values = pd.concat(numbers) if numbers else pd.Series(dtype=float)
    if values.empty:
        return ""
    low, high = values.min(), values.max()
    return f"{low:.4g}" if f"{low:.4g}" == f"{high:.4g}" else f"{low:.4g}-{high:.4g}"
