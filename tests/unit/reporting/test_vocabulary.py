"""Words of the report for what the software calls by codes."""

import re
from pathlib import Path

import cinecohort
from cinecohort.reporting.vocabulary import FINDINGS


def test_every_code_of_a_finding_has_words() -> None:
    sources = Path(cinecohort.__file__).parent.rglob("*.py")
    written = re.compile(r'Finding\(\s*"(\w+)"')
    codes = {code for path in sources for code in written.findall(path.read_text())}
    assert len(codes) > 30
    assert codes - FINDINGS.keys() == set()
