"""What is said of a table that a user gives to a command."""

from cinecohort.commands.users_table import read_and_remark


def test_ejection_fractions_that_are_not_those_of_their_volumes_are_said(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text(
        "subject,LVEDV (mL),LVESV (mL),lvef_pct,rvef_pct\na,150,60,60,20\nb,150,60,35,20\nc,150,,35,20\n"
    )
    table = read_and_remark(path, ["subject"])
    assert table["lvef_pct"].tolist() == [60, 35, 35]
    (said,) = capsys.readouterr().out.splitlines()
    assert said == (
        f"{path}: lvef_pct is not what lvedv_ml and lvesv_ml give in 1 of 3 rows, the first with 35; all are "
        "used as they are."
    )


def test_what_was_taken_as_missing_is_said(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("subject,lvedv_ml\na,150\nb,-999\n")
    assert read_and_remark(path, ["subject"])["lvedv_ml"].isna().tolist() == [False, True]
    assert "-999" in capsys.readouterr().out
