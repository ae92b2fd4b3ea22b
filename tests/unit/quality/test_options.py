import pytest
import yaml
from pydantic import ValidationError

from cinecohort.quality.options import ImageQualityOptions, MeasureQualityOptions


def test_a_bare_off_in_yaml_switches_a_check_off():
    settings = yaml.safe_load("i6_saturation: {action: off, threshold: 0.1}")
    assert ImageQualityOptions(**settings).i6_saturation.action == "off"


def test_a_check_of_the_whole_cohort_cannot_reject():
    with pytest.raises(ValidationError, match="choose review"):
        MeasureQualityOptions(m5_cohort_z={"action": "reject", "threshold": 3.5})
