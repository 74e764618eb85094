"""`bench few_images`: its drawings; and results of other augmentations with the same settings, which are kept."""

from itertools import islice

import numpy as np
import pytest
from PIL import Image

from bench.common.errors import BenchError
from bench.common.files import write
from bench.experiments import few_images
from bench.experiments.few_images import FewImagesConfig, earlier, measured, parts_place, robots, save_drawings

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


def test_robots_have_one_colour_and_their_parts_lie_from_the_back_to_the_front(tmp_path):
    body, mouth = (0, 0, 4, 4), (0, 0, 2, 2)
    for value, colour in ((100, "dark"), (200, "light")):
        for folder, box in (("001#01Body", body), ("000#Mouth", mouth)):
            (tmp_path / "parts" / colour / folder).mkdir(parents=True)
            for number in range(2):
                part = Image.new("RGBA", (8, 8))
                part.paste((value + number, 0, 0, 255) if box == body else (value, number, 0, 255), box)
                part.save(tmp_path / "parts" / colour / folder / f"{number}.png")
    drawn = [np.array(robot) for robot in islice(robots(tmp_path / "parts", 8, np.random.default_rng(0)), 64)]
    assert {tuple(robot[7, 7]) for robot in drawn} == {(255, 255, 255)}
    found = {(tuple(map(int, robot[0, 0])), tuple(map(int, robot[3, 3]))) for robot in drawn}
    assert found == {((v, m, 0), (v + b, 0, 0)) for v in (100, 200) for m in (0, 1) for b in (0, 1)}

    again = robots(tmp_path / "parts", 8, np.random.default_rng(0))
    save_drawings(again, tmp_path / "seen", 3)
    save_drawings(again, tmp_path / "unseen", 2)
    saved = [
        np.array(Image.open(path))
        for path in [*sorted((tmp_path / "seen").iterdir()), *sorted((tmp_path / "unseen").iterdir())]
    ]
    np.testing.assert_array_equal(saved, drawn[:5])


def test_drawings_that_are_not_installed(monkeypatch):
    monkeypatch.setattr(few_images, "PACKAGE", "a package that does not exist")
    with pytest.raises(BenchError, match="\n  pip install"):
        parts_place()


def test_figures_are_those_of_every_so_many_steps_and_of_the_last():
    class Training:
        name, steps = "none", 0

        def ask(self, question, steps=0):
            self.steps += steps
            return self.steps

    assert list(measured(FewImagesConfig(steps=70, every=30), Training(), str)) == [30, 60, 70]
