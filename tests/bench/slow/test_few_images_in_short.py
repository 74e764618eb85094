"""`bench few_images` as a whole, with drawings of one's own."""

import numpy as np
from PIL import Image

from bench.common.files import read
from bench.experiments import few_images


def test_trainings_are_measured_drawn_and_kept_beside_each_other(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for colour in range(3):
        for folder in ("001#01Body", "000#Mouth"):
            place = tmp_path / "parts" / str(colour) / folder
            place.mkdir(parents=True)
            for number in range(6):
                Image.fromarray(rng.integers(0, 256, (8, 8, 4), np.uint8), "RGBA").save(place / f"{number}.png")
    monkeypatch.setattr(few_images, "parts_place", lambda: tmp_path / "parts")
    monkeypatch.setattr(few_images, "UNSEEN", 60)
    monkeypatch.setenv("RAWGAN_CACHE", str(tmp_path / "cache"))
    short = "--count 100 --image-size 8 --width 2 --batch-size 4 --steps 3 --every 2 --threads 1 --results"
    for augment in ("none", "diffaugment"):
        few_images.main([*short.split(), str(tmp_path / "results"), "--augment", augment])
    report = read(tmp_path / "results" / "few_images.json")
    assert {name: [row["steps"] for row in rows] for name, rows in report["results"].items()} == {
        "none": [2, 3], "diffaugment": [2, 3],
    }  # fmt: skip
    for row in report["results"]["none"]:
        assert row["fid"] > 0
        assert 0 < row["d_real"] < 1
        assert 0 < row["d_held_out"] < 1
    pictures = sorted(path.name for path in (tmp_path / "results").glob("*.png"))
    assert pictures == ["few-images-diffaugment.png", "few-images-none.png", "few-images-real.png"]
    assert "diffaugment" in capsys.readouterr().out
