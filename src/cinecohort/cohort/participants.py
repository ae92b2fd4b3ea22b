"""Participants: one row per subject with the columns that studies use, from whatever table the user has."""

from collections.abc import Iterable, Mapping

import pandas as pd

from cinecohort.catalogue.covariates import NUMBERS
from cinecohort.cohort.index import open_dataset
from cinecohort.cohort.participant_checks import ParticipantsTable, check_values
from cinecohort.cohort.participant_tables import COLUMNS, REMARKS, read_participants, table_with_remarks
from cinecohort.config import DatasetOptions
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level
from cinecohort.ledger.plausibility import Remark
from cinecohort.sources.names import KeyTable


def gather_participants(
    index: pd.DataFrame, datasets: Mapping[str, DatasetOptions]
) -> tuple[pd.DataFrame, dict[str, list[Finding]]]:
    """One row per subject of the index, in its order, with what is known of the participant.

    Parameters
    ----------
    index
        Columns ``subject, dataset, id, participant, visit``.
    datasets
        Where each dataset's participants come from: its table, or the source itself.

    Returns
    -------
    tuple
        The table, and by subject what was odd about the participant's values.

    Raises
    ------
    UserError
        If a table says two different things of one subject, or knows none.
    """
    parts = []
    for name, options in datasets.items():
        rows = index[index["dataset"] == name]
        table = _dataset_participants(rows, options)
        if table is None or rows.empty:
            parts.append(rows)
            continue
        joined, known = join_participants(rows, table, name, options)
        print(f"{name}: {known:,} of {len(rows):,} subjects are in the table of participants.")
        parts.append(joined)
    everyone = pd.concat(parts, ignore_index=True)
    everyone = everyone.set_index("subject").loc[index["subject"]].reset_index()
    for column in COLUMNS:
        if column not in everyone:
            everyone[column] = float("nan") if column in NUMBERS else None
    found = participant_findings(everyone)
    texts = everyone.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in everyone.dtypes]]
    for column in set(texts) - {*index.columns, REMARKS}:
        # A line break within an answer must not break the tables.
        everyone[column] = everyone[column].map(_on_one_line)
    first = ["subject", "dataset", "participant", "visit", *COLUMNS]
    left_out = (*first, "id", REMARKS)
    return everyone[first + [c for c in everyone.columns if c not in left_out]], found


def _on_one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def participant_findings(people: pd.DataFrame) -> dict[str, list[Finding]]:
    """By subject, a finding for each remark on the participant's values."""
    if REMARKS not in people:
        return {}
    remarked = people.loc[people[REMARKS].map(bool) & people[REMARKS].notna(), ["subject", REMARKS]]
    return {subject: findings_of(remarks) for subject, remarks in remarked.itertuples(index=False, name=None)}


def findings_of(remarks: Iterable[Remark]) -> list[Finding]:
    """Findings that say what was odd about a person's values; they leave the subject's status as it is."""
    return [Finding(r.code, Level.INFO, r.message, value=r.value, threshold=r.threshold) for r in remarks]


def with_scanner_facts(participants: pd.DataFrame, conversion: pd.DataFrame) -> pd.DataFrame:
    """Fill in vendor, scanner and field strength from the images where the table of participants has none."""
    table = participants.copy()
    facts = conversion.drop_duplicates("subject").set_index("subject")
    for column in ("vendor", "scanner", "field_t"):
        if column in facts:
            known = table["subject"].map(facts[column].replace("", None))
            known = pd.to_numeric(known) if column in NUMBERS else known
            table[column] = table[column].where(table[column].notna(), known)
    return table


def _dataset_participants(rows: pd.DataFrame, options: DatasetOptions) -> pd.DataFrame | None:
    if options.participants is not None:
        wanted = {*rows["id"], *rows["participant"], *rows["subject"]}
        visits = sorted(set(rows["visit"]) - {""})
        if options.key_table is None:
            return read_participants(options.participants, options.columns, wanted, visits)
        keys = KeyTable(options.key_table)
        names = {keys.names[key] for key in wanted if key in keys.names}
        table = read_participants(options.participants, options.columns, names, visits)
        for column in {"subject", "participant"} & set(table.columns):
            table[column] = table[column].map(keys.key_of)
        return table
    known = participants_of_source(options)
    return None if known is None else table_with_remarks(known)


def participants_of_source(options: DatasetOptions) -> ParticipantsTable | None:
    """What a dataset itself says of its participants, held against limits; None where it says nothing."""
    if options.source == "tables":
        return None
    own = getattr(open_dataset(options), "participants", None)
    table = own() if own is not None else None
    if table is None or table.empty:
        return None
    numbers = {name: table[name].astype(float) for name in NUMBERS if name in table}
    known = ParticipantsTable(table.assign(**numbers))
    check_values(known, {}, options.path)
    return known


def join_participants(
    rows: pd.DataFrame, table: pd.DataFrame, dataset: str, options: DatasetOptions
) -> tuple[pd.DataFrame, int]:
    """Left join on the subject key where the table has it, else on the participant (and visit).

    Returns
    -------
    tuple
        The joined table, and how many of its rows were found.

    Raises
    ------
    UserError
        If the table says two different things of one subject, or knows none.
    """
    table = table.drop(columns=["dataset", "id"], errors="ignore")
    for key in ("subject", "id"):
        if "subject" in table and table["subject"].isin(rows[key]).any():
            left, right = [key], ["subject"]
            break
    else:
        if "participant" not in table:
            table = table.rename(columns={"subject": "participant"})
        told_by_visit = "visit" in table and table["visit"].notna().any() and rows["visit"].ne("").any()
        left = right = ["participant", "visit"] if told_by_visit else ["participant"]
    table = table.dropna(subset=right)
    repeated = table[table.duplicated(right, keep=False)]
    if len(repeated):
        raise UserError(
            f"dataset {dataset}: {repeated[right[0]].iloc[0]} stands more than once in the table of "
            "participants; keep one row per participant (and visit)."
        )
    details = table.drop(
        columns=[c for c in ("subject", "participant", "visit") if c not in right], errors="ignore"
    )
    details = details.rename(columns=dict(zip(right, left, strict=True)))
    joined = rows.merge(details, on=left, how="left", validate="many_to_one", indicator="_found")
    found = int((joined["_found"] == "both").sum())
    if not found and options.participants is not None:
        raise UserError(
            f"{options.participants}: has no row of any subject of the dataset {dataset}; its {right[0]} "
            f"must be such as {rows[left[0]].iloc[0]!r} (map the right column under `columns`)."
        )
    return joined.drop(columns="_found"), found
