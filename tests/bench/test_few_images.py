"""Results of `bench few_images`: those of other augmentations with the same settings are kept."""

import pytest

from bench.common.errors import BenchError
from bench.common.files import write
from bench.experiments.few_images import earlier

SETTINGS = {"steps": 100, "only": ("a", "b"), "results": None}
REPORT = {"benchmark": "few_images", "settings": SETTINGS, "results": {"none": [{"fid": 2.0}]}}


def test_results_with_the_same_settings_are_kept(tmp_path):
    path = tmp_path / "few_images.json"
    assert earlier(path, SETTINGS) == {}
    write(path, REPORT)
    assert earlier(path, SETTINGS) == REPORT["results"]
    assert earlier(path, SETTINGS | {"steps": 200}) == {}


def test_a_file_that_is_no_report_is_not_replaced(tmp_path):
    path = tmp_path / "few_images.json"
    path.write_text("{")
    with pytest.raises(BenchError, match="cannot be read"):
        earlier(path, SETTINGS)
