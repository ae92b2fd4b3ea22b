import pandas as pd

from cinecohort.cohort.import_tables import import_tables
from cinecohort.cohort.settings import COHORT_TABLES, settings_for
from cinecohort.config import parse_config
from cinecohort.ledger.frames import read_frame


def test_tables_become_the_cohorts_without_those_who_withdrew(tmp_path):
    (tmp_path / "auto.csv").write_text("subject,lvedv_ml\np1,150\np2,140\np3,130\n")
    (tmp_path / "manual.csv").write_text("subject,lvedv_ml\np1,151\np2,139\np3,133\n")
    (tmp_path / "gone.txt").write_text("p2\n")
    tables = {
        "net": {"kind": "auto", "files": [{"path": "auto.csv"}]},
        "manual": {"kind": "manual", "files": [{"path": "manual.csv"}]},
    }
    dataset = {"source": "tables", "path": str(tmp_path), "settings": {"tables": tables}}
    config = parse_config({"datasets": {"elsewhere": {**dataset, "withdrawals": str(tmp_path / "gone.txt")}}})
    import_tables(settings_for("import_tables", config), tmp_path / "results")
    folder = tmp_path / "results" / "cohort"
    read = {name: pd.read_csv(folder / f"{name}.tsv", sep="\t") for name in COHORT_TABLES}
    assert sorted(read["measures"]["lvedv_ml"]) == [130.0, 133.0, 150.0, 151.0]
    for name in ("measures", "participants", "status"):
        assert set(read[name]["subject"]) == {"p1", "p3"}, name
    assert list(read["flow"]["received"]) == [2, 2]


def test_names_that_look_like_missing_values_stay_names(tmp_path):
    (tmp_path / "auto.csv").write_text("subject,lvedv_ml\n007,150\n008,140\n")
    (tmp_path / "people.tsv").write_text("subject\tsite\tgroup\n007\tsouth\tNOR\n008\twest\tDCM\n")
    dataset = {
        **{"source": "tables", "path": str(tmp_path), "participants": str(tmp_path / "people.tsv")},
        "settings": {
            "tables": {
                name: {"kind": kind, "files": [{"path": "auto.csv"}]}
                for name, kind in (("NA", "auto"), ("null", "manual"))
            }
        },
    }
    import_tables(
        settings_for("import_tables", parse_config({"datasets": {"None": dataset}})), tmp_path / "results"
    )
    folder = tmp_path / "results" / "cohort"
    measures, people = (read_frame(folder / f"{name}.tsv", name) for name in ("measures", "participants"))
    assert measures[["subject", "dataset", "source"]].to_numpy().tolist() == [
        [subject, "None", source] for source in ("NA", "null") for subject in ("007", "008")
    ]
    assert people["participant"].tolist() == ["007", "008"]
