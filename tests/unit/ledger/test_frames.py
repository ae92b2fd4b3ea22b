"""What is written comes back as it was, and missing means the same to all who read."""

from pathlib import Path

import pandas as pd
import pytest

from cinecohort.analyses.agreement_report import overlap_summaries
from cinecohort.errors import UserError
from cinecohort.ledger.columns import COHORT, Kind, kinds_of
from cinecohort.ledger.frames import read_frame, read_shards, without_missing_text, write_frame
from cinecohort.reporting.results import read_table
from cinecohort.statistics.conditions import meets
from cinecohort.statistics.options import AgreementOptions

WORDS = ("None", "NA", "null", "nan", "1e3", "TRUE", "007", "")
"""Names that a group or a site may have and that other readers take for something else; one is not known."""


@pytest.fixture
def participants(tmp_path: Path) -> Path:
    frame = pd.DataFrame(
        {
            "subject": [f"00{number}" for number in range(len(WORDS))],
            "dataset": "NA",
            "participant": "007",
            "visit": "",
            "group": WORDS,
            "site": WORDS[::-1],
            "scanner": "",
            "bmi": [*range(len(WORDS) - 1), None],
        }
    )
    write_frame(tmp_path / "participants.tsv", frame)
    return tmp_path / "participants.tsv"


def known(values: pd.Series) -> list[str]:
    """Values with empty text where they are missing."""
    return values.fillna("").tolist()


def test_text_comes_back_as_it_was_written(participants: Path) -> None:
    frame = read_frame(participants, "participants")
    assert frame["subject"].tolist()[:2] == ["000", "001"]
    assert set(frame["participant"]) == {"007"}
    assert known(frame["group"]) == list(WORDS)
    assert known(frame["site"]) == list(WORDS[::-1])
    assert frame["group"].isna().tolist() == [word == "" for word in WORDS]


def test_a_column_of_text_that_is_empty_is_text(participants: Path) -> None:
    frame = read_frame(participants, "participants")
    assert frame["scanner"].isna().all()
    assert frame["scanner"].dtype == frame["group"].dtype
    assert frame["bmi"].isna().tolist() == [False] * (len(WORDS) - 1) + [True]


def test_the_report_the_shards_and_the_studies_read_the_same(participants: Path) -> None:
    printed = read_table(participants, COHORT["participants"].columns, "participants")
    shards = read_shards([participants], "participants")
    frame = read_frame(participants, "participants")
    for name in ("subject", "dataset", "participant", "visit", "group", "site", "scanner"):
        assert printed[name].tolist() == shards[name].tolist() == known(frame[name]), name
    assert printed["bmi"].tolist()[:-1] == shards["bmi"].tolist()[:-1] == frame["bmi"].tolist()[:-1]


def test_a_group_called_none_is_a_group_in_studies_and_in_agreement(participants: Path) -> None:
    frame = read_frame(participants, "participants")
    assert meets(frame, "group == 'None'").fillna(False).tolist() == [word == "None" for word in WORDS]
    overlap = frame[["subject"]].assign(
        **dict.fromkeys(("source", "reference", "view", "structure", "frame", "role"), "one"),
        position="all",
        dice=0.9,
        mcd_mm=1.0,
        hd_mm=2.0,
    )
    tables = overlap_summaries(overlap, frame, AgreementOptions())
    assert set(tables["overlap_by_pathology"]["group"]) == {*WORDS[:-1], "unknown"}
    assert set(tables["overlap_by_site"]["site"]) == {*WORDS[:-1], "unknown"}


def test_what_agreement_writes_is_read_by_the_report(tmp_path: Path) -> None:
    path = tmp_path / "overlap_by_pathology.csv"
    path.write_text("source,group,dice_mean\nNA,None,0.9\nnet,,0.8\n")
    table = read_table(path)
    assert table["source"].tolist() == ["NA", "net"]
    assert table["group"].tolist() == ["None", ""]
    assert table["dice_mean"].tolist() == [0.9, 0.8]


def test_a_number_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "measures.tsv").write_text("subject\tlvedv_ml\na\t100\nb\tNA\n")
    with pytest.raises(UserError, match=r"measures\.tsv: column lvedv_ml holds 'NA'"):
        read_frame(tmp_path / "measures.tsv", "measures")


def test_tables_without_rows_have_their_columns_and_kinds(tmp_path: Path) -> None:
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "header.tsv").write_text("subject\tdice\n")
    for name in ("empty", "header"):
        frame = read_frame(tmp_path / f"{name}.tsv", "overlap", COHORT["overlap"].columns)
        assert set(frame.columns) == set(COHORT["overlap"].columns)
        assert pd.api.types.is_numeric_dtype(frame["dice"])
    with pytest.raises(UserError, match="run the workflow first"):
        read_frame(tmp_path / "gone.tsv")
    assert read_frame(tmp_path / "gone.tsv", columns=("subject",), may_be_absent=True).empty


def test_the_kind_does_not_hang_on_the_end_of_a_name() -> None:
    kinds = kinds_of(["site_mm", "lvedv_ml", "ed_frame", "group"], "participants")
    assert kinds == {"site_mm": None, "lvedv_ml": None, "ed_frame": Kind.COUNT, "group": Kind.TEXT}
    assert kinds_of(["anything"], "measures") == {"anything": Kind.NUMBER}


def test_every_column_of_a_cohorts_table_has_a_kind() -> None:
    for name, table in COHORT.items():
        assert None not in kinds_of(table.columns).values(), name


def test_missing_text_is_printed_empty() -> None:
    frame = pd.DataFrame({"group": ["a", None], "bmi": [1.0, None]})
    printed = without_missing_text(frame)
    assert printed["group"].tolist() == ["a", ""]
    assert printed["bmi"].isna().tolist() == [False, True]
