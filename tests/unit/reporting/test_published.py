"""The papers' printed figures, read from the papers by hand."""

from cinecohort.reporting import published


def test_differences_of_bai_2018():
    theirs = published.differences(between_observers=False)
    assert theirs.columns == [("automatic vs manual", "Automatic vs manual\n(n\u00a0=\u00a0600)")]
    assert theirs.cell("absolute", "lvedv_ml", "automatic vs manual") == "6.1 (5.3)"
    assert theirs.cell("relative", "rvef_pct", "automatic vs manual") == "7.5 (6.2)"
    observers = published.differences(between_observers=True)
    assert [name for name, _ in observers.columns] == ["O1 vs O2", "O2 vs O3", "O3 vs O1"]
    assert observers.cell("relative", "rvesv_ml", "O1 vs O2") == "30.6 (15.5)"
    assert observers.cell("absolute", "la_max_ml", "O1 vs O2") == "–"


def test_overlap_of_bai_2018():
    assert published.overlap(False).cell("hd_mm", "sa RV", "automatic vs manual") == "7.25 (2.70)"
    assert published.overlap(True).cell("mcd_mm", "la_4ch RA", "O2 vs O3") == "1.22 (0.37)"


def test_correlation_of_chen_2020():
    cohorts, theirs = published.spearman()
    assert cohorts == ["UKBB", "ACDC", "BSCMR-AS"]
    assert theirs["lvedv_ml"] == ["0.97", "0.97", "0.94"]
    assert theirs["rvesv_ml"] == ["0.91", "0.83", "–"]


def test_strata_of_chen_2020():
    rows = {row.words: row for row in published.strata("pathology", ("LV", "MYO", "RV"))}
    hcm = rows["Chen 2020, U-Net, ACDC: HCM"]
    assert (hcm.n, hcm.cells) == ("20", {"LV": "0.84 (0.12)", "MYO": "0.84 (0.03)", "RV": "0.84 (0.08)"})
    field = [row.words for row in published.strata("field_strength", ("LV",))]
    assert "Chen 2020, U-Net, ACDC: 3 T" in field
