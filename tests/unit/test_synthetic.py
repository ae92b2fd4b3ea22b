"""Made-up data are seen by what their own files say, whatever the configuration says."""

import dataclasses

import pandas as pd
import pytest

from cinecohort.conversion.options import ConversionOptions
from cinecohort.files import read_json
from cinecohort.ledger.columns import COHORT
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.subject import write_subject
from cinecohort.reporting.results import Results
from cinecohort.sources.base import open_source
from cinecohort.synthetic import any_synthetic, is_synthetic


def test_a_converted_phantom_says_so_in_the_sidecar_of_every_image(tmp_path):
    write_subject(1, tmp_path, PhantomOptions(frames=10, layout="dicom", faults=False))
    source = open_source("dicom", tmp_path / "dicom")
    source.convert(source.subject("SYN0001"), tmp_path, ConversionOptions())
    for view in ("sa", "la_2ch", "la_3ch", "la_4ch"):
        assert is_synthetic(read_json(tmp_path / f"{view}.json")), view


def test_real_sidecars_do_not():
    assert not is_synthetic({"software": "syngo MR D13A"})
    assert not is_synthetic({"software": ["syngo MR", "D13A"]})
    assert not is_synthetic({})


@pytest.mark.parametrize(
    ("values", "expected"),
    [([True, True], True), (["True", ""], True), ([False, False], False), ([None, None], False)],
)
def test_participants_table(values, expected):
    assert any_synthetic(pd.DataFrame({"subject": ["a", "b"], "synthetic": values})) is expected


def test_a_report_is_marked_although_the_configuration_forgot(tmp_path):
    names = {field.name for field in dataclasses.fields(Results)} & set(COHORT)
    tables = {name: pd.DataFrame(columns=list(COHORT[name].columns)) for name in names}
    results = Results(folder=tmp_path, run={"synthetic": False}, config={}, datasets=[], **tables)
    assert not results.synthetic
    marked = pd.DataFrame({"subject": ["SYN0001"], "synthetic": [True]})
    results = Results(
        folder=tmp_path,
        run={"synthetic": False},
        config={},
        datasets=[],
        **{**tables, "participants": marked},
    )
    assert results.synthetic
