"""`bench search`: what is trained, and the table of results."""

import pytest
from report_parts import MACHINE

from bench.common.files import read, write
from bench.experiments import search

FIGURES = {"steps": 10, "relative_cost": 1.0, "processor_seconds": 2.0, "fid": 3.5, "precision": 0.5, "recall": 0.25}


@pytest.fixture
def trained(monkeypatch):
    """Candidates and seeds that would be trained, each with the same figures."""
    found = []

    def train_all(config, pending, finished):
        for candidate, seed in pending:
            found.append((candidate.name, seed))
            finished({"candidate": candidate.name, "budget": config.budget, "seed": seed} | FIGURES)

    monkeypatch.setattr(search, "train_all", train_all)
    monkeypatch.setattr(search, "limit_threads", lambda threads: threads)
    monkeypatch.setattr(search.machine, "facts", lambda: MACHINE | {"commit": "new"})
    return found


def test_results_of_the_same_commit_are_kept_and_those_of_others_measured_anew(trained, tmp_path, capsys):
    name = "--model dcgan, average 0.167"
    rows = [
        {"commit": commit, "candidate": name, "budget": budget, "seed": seed} | FIGURES
        for commit, budget, seed in (("old", 1.0, 0), ("new", 0.5, 0), ("new", 1.0, 1))
    ]
    write(tmp_path / "search.json", {"benchmark": "search", "results": rows})
    search.main(["--only", "dcgan,", "--seeds", "0", "1", "2", "--results", str(tmp_path)])
    assert trained == [(name, 0), (name, 2)]
    results = read(tmp_path / "search.json")["results"]
    assert results[:3] == rows
    assert [(row["commit"], row["budget"], row["seed"]) for row in results[3:]] == [("new", 1.0, 0), ("new", 1.0, 2)]
    assert capsys.readouterr().out.count(" 3.500 ") == 5


def test_a_candidate_that_there_is_not_is_named(trained, tmp_path):
    with pytest.raises(search.BenchError, match="there is no such candidate; they are: --model dcgan, average"):
        search.main(["--only", "no such", "--results", str(tmp_path)])
