"""Every README.md: its code runs, its commands and options exist, its links lead somewhere."""

import contextlib
import io
import json
import re
import shlex
from functools import cache

import numpy as np
import pytest
from paths import README, ROOT

from bench.common.experiment import experiment, experiments
from rawgan.cli import COMMANDS
from rawgan.cli import main as rawgan

PAGES = sorted(
    page for folder in ("rawgan", "kernels", "bench", "tests") for page in (ROOT / folder).rglob("README.md")
)
PAGES.insert(0, README)
EVERYWHERE = {"--help", "--version"}
SHORTER = {"range(1000)": "range(3)", "range(100)": "range(1)", "steps=100": "steps=1"}
"""Replacements that make examples fast."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page):
    return page.read_text(encoding="utf-8")


def programs(page):
    """Blocks of Python that are whole programs."""
    blocks = re.findall(r"```python\n(.*?)```", text_of(page), re.DOTALL)
    return [code for code in blocks if code.startswith(("import ", "from "))]


def run(code, page, names=None):
    """Run a program. `names` are those of the programs before it, which it may use."""
    for slow, fast in SHORTER.items():
        code = code.replace(slow, fast)
    names = {"__name__": "__main__"} if names is None else names
    exec(compile(code, str(page), "exec"), names)
    return names


# --- the pages -------------------------------------------------------------------------------------------------------


def test_the_readme_is_short():
    assert len(README.read_bytes()) <= 9 * 1024


def test_every_room_has_a_page():
    rooms = [
        "cli",
        "data",
        "diagnosis",
        "gan",
        "inference",
        "metrics",
        "nn",
        "ops",
        "optim",
        "tasks",
        "testing",
        "training",
    ]
    there = {str(page.parent.relative_to(ROOT)) for page in PAGES}
    assert {"rawgan", "kernels", "bench", "tests", *(f"rawgan/{room}" for room in rooms)} <= there


@each_page
def test_links_and_pictures_are_there(page):
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"<img src=\"([^\"]+)\"", text)
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            place = target if target.is_file() else target / "README.md"
            headings = re.findall(r"^#+ (.*)$", text_of(place), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, link


@each_page
def test_every_picture_has_a_text(page):
    assert all(re.search(r'alt="[^"]+"', tag) for tag in re.findall(r"<img [^>]*>", text_of(page)))
    assert all(re.findall(r"!\[([^\]]*)\]\(", text_of(page)))


# --- commands --------------------------------------------------------------------------------------------------------


def commands(page):
    """Everything between backticks, and every line of shell."""
    text = text_of(page)
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        yield from (line.partition("  #")[0] for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@cache
def options_of(command):
    """Options that the help of a command names."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        rawgan([command, "--help"])
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", shown.getvalue()))


@each_page
def test_commands_of_rawgan_have_these_options(page):
    for text in commands(page):
        for part in re.split(r"&&|\n|;", text):
            match = re.match(r"\s*rawgan ([a-z][a-z0-9-]*)\b(.*)", part)
            if match is None:
                continue
            command, rest = match.groups()
            assert command in COMMANDS, f"rawgan {command}"
            unknown = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", rest)) - options_of(command) - EVERYWHERE
            assert not unknown, f"rawgan {command} has no {', '.join(unknown)}"


@each_page
def test_options_are_those_of_some_command(page):
    known = set().union(*(options_of(command) for command in COMMANDS)) | EVERYWHERE
    for text in commands(page):
        if text.startswith("--"):
            for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text):
                assert option in known | {"--shape", "--kernel", "--run", "--all"}, f"no command has {option}"


@each_page
def test_experiments_are_there(page):
    for name in re.findall(r"python -m bench ([a-z_]+)", text_of(page)):
        assert name in experiments(), name


@each_page
def test_places_of_tests_are_there(page):
    for text in commands(page):
        for place in re.findall(r"pytest (?:-\S+ \d+ )?(tests/\S+)", text):
            assert [*ROOT.glob(place)], place


def test_the_page_of_bench_lists_every_experiment_with_its_minutes():
    rows = re.findall(r"^\| \[`(\w+)`\]\((\S+)\) \| ([\d.]+) \|", text_of(ROOT / "bench" / "README.md"), re.MULTILINE)
    assert {name: f"bench.{file.removesuffix('.py').replace('/', '.')}" for name, file, _ in rows} == experiments()
    assert {name: float(minutes) for name, _, minutes in rows} == {n: experiment(n).minutes for n in experiments()}


def test_shell_blocks_can_be_parsed():
    blocks = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", text_of(page), re.DOTALL)]
    assert blocks
    assert all(shlex.split(line, comments=True) for block in blocks for line in block.splitlines() if line)


# --- code ------------------------------------------------------------------------------------------------------------


@each_page
def test_programs_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for code in programs(page):
        if "machine_code(" not in code:  # which needs the extra cuda-tools: see tests/with_cuda_tools
            run(code, page, names)


def test_the_gan_of_the_readme_trains():
    (code,) = [code for code in programs(README) if "Batches" in code]
    assert code.count("range(1000)") == 1
    names = run(code, README)
    assert names["images"].shape == (64, 28, 28, 1)
    assert names["g_adam"].steps == names["d_adam"].steps == 3
    assert np.isfinite([names["d_loss"].item(), names["g_loss"].item()]).all()


def layers():
    """Each page's layer that is proved."""
    return [(page, code) for page in PAGES for code in programs(page) if "class Swish(" in code]


def test_the_layers_of_the_pages_pass_their_checks_in_30_lines(capsys):
    assert README in [page for page, _ in layers()]
    for page, code in layers():
        assert len(code.splitlines()) <= 30
        run(code, page)
        said = re.findall(r"^(\w+): gradients agree", capsys.readouterr().out, re.MULTILINE)
        assert said == ["Swish", "SwishLayer"]


# --- figures ---------------------------------------------------------------------------------------------------------


def results(name):
    return json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text())


def test_the_costs_of_options_are_those_that_were_measured():
    page = text_of(ROOT / "rawgan" / "gan" / "README.md")
    printed = {
        picture: float(cost) for cost, picture in re.findall(r"⏱ (\d+\.\d+)[^⏱]*?results/options/([^\")]+)", page)
    }
    assert printed == {row["picture"]: round(row["cost"]["median"], 2) for row in results("options")["results"]}


def test_figures_of_quality_are_those_that_were_measured():
    page, reports = text_of(ROOT / "bench" / "README.md"), [results("quality"), results("quality-dcgan")]
    rows = re.findall(r"^\| FID \| (.*) \|$", page, re.MULTILINE)
    ratios = re.findall(r"time to PyTorch's final FID, relative to PyTorch's \| \*\*([\d.]+)", page)
    for report, row, ratio in zip(reports, rows, ratios, strict=True):
        summary = report["summary"]
        names = summary["ours"], "rawgan, G's last weights", summary["theirs"]
        figures = [summary[name]["fid"][part] for name in names for part in ("mean", "least", "most")]
        assert [float(number) for number in re.findall(r"\d+\.\d+", row)] == [round(figure, 2) for figure in figures]
        assert float(ratio) == round(summary["of their time"], 2)
    summary, front = reports[0]["summary"], text_of(README)
    ours, theirs = (summary[summary[side]]["fid"]["mean"] for side in ("ours", "theirs"))
    assert f"| {ours:.2f}; {theirs:.2f} | `python -m bench quality` |" in front
    assert f"| {ratios[0]} | `python -m bench quality` |" in front
    assert f"| {ratios[1]} | `python -m bench quality --model dcgan --steps 3000` |" in front


def test_figures_of_few_images_are_those_that_were_measured():
    page, report = text_of(ROOT / "rawgan" / "gan" / "README.md"), results("few_images")
    for augment, rows in report["results"].items():
        last = rows[-1]
        (row,) = re.findall(rf"^\| `{augment}` \| (.*) \|$", page, re.MULTILINE)
        figures = [f"{last['fid']:.1f}"] + [
            f"{last[name]:.2f}" for name in ("precision", "recall", "d_real", "d_held_out")
        ]
        assert re.findall(r"[\d.]+", row.replace("*", "")) == figures
        assert last["steps"] == 12_000
        assert f"{last['fid']:.1f}" in text_of(ROOT / "bench" / "README.md")


def test_figures_of_reliability_are_those_that_were_measured():
    page, report = text_of(ROOT / "bench" / "README.md"), results("reliability")
    assert f"{report['points']:,}, in" in page
    assert f"at {report['killed at a call']} of them the process was killed" in page
