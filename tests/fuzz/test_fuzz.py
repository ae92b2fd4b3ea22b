"""A minute of damaged input, other each day by `CINECOHORT_FUZZ_SEED`, and everything found before."""

import os
from pathlib import Path

import pytest

from fuzz.readers import READERS
from fuzz.run import fuzz, read_case

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.bin"))
SECONDS = float(os.environ.get("CINECOHORT_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("CINECOHORT_FUZZ_SEED", "1"))


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_nothing_unexpected(name, tmp_path):
    counts = fuzz(name, SEED, 10_000_000, SECONDS / len(READERS), tmp_path)
    assert counts["cases"] > 0
    assert {fault: n for fault, n in counts.items() if fault.startswith("!")} == {}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_was_found_is_no_longer(path):
    fault, _ = read_case(path.name.split("-")[0], path.read_bytes())
    assert fault == ""


@pytest.mark.parametrize("name", READERS)
def test_examples_are_whole(name):
    reader = READERS[name]
    for content in reader.examples():
        assert reader.read(content)
