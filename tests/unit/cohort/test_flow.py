import pandas as pd

from cinecohort.cohort.flow import STEPS, flow_of_subjects


def stage_table(stage, *rows):
    columns = ["subject", "dataset", "status", "stage", "code", "reason"]
    return pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows], columns=columns).fillna("")


def stages(changes, subjects):
    """All ok, but for `changes`: subject to (stage, status, code, reason); passed on to the later stages."""
    tables = {}
    stopped = {}
    for stage in STEPS:
        rows = []
        for subject, dataset in subjects.items():
            state = ("ok", stage, "", "")
            if subject in stopped:
                state = stopped[subject]
            elif subject in changes and changes[subject][0] == stage:
                state = (changes[subject][1], stage, *changes[subject][2:])
                if state[0] in ("excluded", "error"):
                    stopped[subject] = state
            rows.append((subject, dataset, *state))
        tables[stage] = stage_table(stage, *rows)
    return tables


def flow(changes, subjects):
    index = pd.DataFrame({"subject": list(subjects), "dataset": list(subjects.values())})
    return flow_of_subjects(index, stages(changes, subjects))


def counts(table, dataset="one"):
    rows = table[(table["dataset"] == dataset) & table["code"].isna()]
    return {row["step"]: (row["received"], row["excluded"], row["flagged"]) for _, row in rows.iterrows()}


def test_everybody_who_comes_goes_on_or_is_counted_with_a_reason():
    changes = {
        "a": ("convert", "excluded", "NO_VIEW", "No short axis."),
        "b": ("convert", "excluded", "NO_VIEW", "No view at all."),
        "c": ("image_quality", "review", "I2", "Few slices."),
        "d": ("segment", "error", "", ""),
        "e": ("segmentation_quality", "excluded", "S1", "Empty."),
    }
    table = flow(changes, dict.fromkeys("abcdef", "one"))
    assert counts(table) == {
        "indexed": (6, 0, 0),
        "converted": (6, 2, 0),
        "image quality": (4, 0, 1),
        "segmented": (4, 1, 0),
        "segmentation quality": (3, 1, 0),
        "measured": (2, 0, 0),
        "analysed": (2, 0, 0),
    }
    reasons = table[table["code"].notna()]
    assert reasons[["step", "code", "reason", "n"]].to_numpy().tolist() == [
        ["converted", "NO_VIEW", "for example: No short axis.", 2],
        ["segmented", "error", "", 1],
        ["segmentation quality", "S1", "Empty.", 1],
    ]


def test_datasets_are_counted_apart():
    table = flow({"a": ("convert", "excluded", "GAP", "A gap.")}, {"a": "one", "b": "one", "c": "two"})
    assert counts(table)["analysed"] == (1, 0, 0)
    assert counts(table, "two")["analysed"] == (1, 0, 0)
    assert counts(table, "two")["converted"] == (1, 0, 0)


def test_a_cohort_of_which_nobody_is_left():
    table = flow(
        dict.fromkeys("ab", ("convert", "error", "UNEXPECTED", "A fault.")), dict.fromkeys("ab", "one")
    )
    assert counts(table)["converted"] == (2, 2, 0)
    assert counts(table)["image quality"] == (0, 0, 0)
    assert counts(table)["analysed"] == (0, 0, 0)


def test_a_subject_with_several_rows_counts_once():
    subjects = {"a": "one"}
    tables = stages({"a": ("measure", "review", "M1", "Odd.")}, subjects)
    tables["measure"] = pd.concat([tables["measure"]] * 3, ignore_index=True)
    table = flow_of_subjects(pd.DataFrame({"subject": ["a"], "dataset": ["one"]}), tables)
    assert counts(table)["measured"] == (1, 0, 1)
