import yaml

from cinecohort.quality.options import ImageQualityOptions


def test_a_bare_off_in_yaml_switches_a_check_off():
    settings = yaml.safe_load("i6_saturation: {action: off, threshold: 0.1}")
    assert ImageQualityOptions(**settings).i6_saturation.action == "off"
