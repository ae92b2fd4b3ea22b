"""A minute of damaged input, other each day by `CINECOHORT_FUZZ_SEED`, and everything found before."""

import os
from pathlib import Path

import pytest

from fuzz.readers import READERS
from fuzz.run import fuzz, read_case

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.bin"))
SECONDS = float(os.environ.get("CINECOHORT_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("CINECOHORT_FUZZ_SEED", "1"))

DEEP = (b"[", b'{"a":', b"- ")
WHOLE_FILES = (
    *(
        b"",
        b"\n",
        b"\x00" * 1000,
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b'"',
        b"NaN",
        b"null",
        b"[]",
        b"{}",
        b"[NaN]",
    ),
    *(b"1" * 5000, b'{"":' + b"1" * 5000 + b"}", b"a" * 300_000, (b"a" * 200_000 + b"\t") * 2),
    *(b"at: 2014-13-45", b"&a [*a]", b"a: &a [1]\nb: *a", b"a: !!python/object:os.system 1"),
    *(each * 50_000 for each in DEEP),
)
"""What no example turns into by damage of a few places."""
BEHIND_A_HEADER = (
    *(b"", b"x" * 200_000, b'"' + b"x\n" * 10_000, b"\t;," * 10_000, b"\x00" * 100),
    *(b"zz: " + each * 5000 for each in DEEP),
)


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


@pytest.mark.parametrize("name", READERS)
def test_hostile_files(name):
    whole = READERS[name].examples()[0]
    header = whole.split(b"\n")[0] + b"\n"
    contents = [*WHOLE_FILES, *(start + end for start in (header, whole) for end in BEHIND_A_HEADER)]
    faults = {content[:40]: fault for content in contents if (fault := read_case(name, content)[0])}
    assert faults == {}
