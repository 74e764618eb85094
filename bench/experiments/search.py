"""python -m bench search: settings of training by the FID that they reach in the time of plain DCGAN."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.files import read
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, limit_threads
from bench.experiments.networks import CYCLE
from rawgan.cli.parsing import parse
from rawgan.cli.parsing import read as read_options
from rawgan.config.noise import TrainConfig
from rawgan.data import load
from rawgan.gan import generate
from rawgan.tasks.evaluators import Evaluator
from rawgan.training import Trainer

UNIT = "--model dcgan --half-life 0 --ema 0.998 --batch-size 64 --width 64"
"""The training whose time is the budget: `dcgan`, its rates constant, its weights averaged over 500 steps."""
UNIT_STEPS = 3000
"""Number of its steps."""


@dataclass(frozen=True)
class Candidate:
    """Options of `rawgan train`, with times as shares of the training, so that they suit any budget."""

    flags: str
    half_life: float = 0.0
    """Time in which the learning rates fall to half; 0: they are constant."""
    average: float = 1 / 6
    """Time over which G's weights are averaged."""

    @property
    def name(self) -> str:
        """The candidate in words."""
        rates = f", half-life {self.half_life:.2f}" if self.half_life else ""
        return f"{self.flags or 'the defaults'}{rates}, average {self.average:.3f}"

    def config(self, steps: int, seed: int) -> TrainConfig:
        """Configuration of a training of so many steps."""
        given = read_options("rawgan train", self.flags.split(), TrainConfig)
        half_life = round(self.half_life * steps)
        given |= {"steps": steps, "noise_steps": steps, "half_life": half_life, "seed": seed}
        return TrainConfig.of(**{"ema": max(0.0, 1 - 1 / (self.average * steps))} | given)


STYLE = "--model style"
SHORT = 0.05
"""Time over which G's weights are averaged: with `style`, better than a sixth."""

CANDIDATES = (
    Candidate("--model dcgan"),
    Candidate(STYLE),
    Candidate(STYLE, half_life=0.5),
    Candidate(STYLE, average=0.02),
    Candidate(STYLE, average=SHORT),
    *(
        Candidate(f"{STYLE} {changed}", average=SHORT)
        for changed in (
            "--batch-size 32",
            "--learning-rate 0.03",
            "--learning-rate 0.01",
            "--penalty-weight 0.3",
            "--penalty-weight 3",
            "--objective relativistic --penalty r1+r2 --penalty-weight 0.5",
            "--width 24",
            "--width 12",
            "--width 24 --d-width 16",
            "--width 16 --d-width 24",
            "--noise-size 32",
            "--objective hinge",
        )
    ),
    Candidate("--model residual --width 24 --objective relativistic --penalty r1+r2 --penalty-every 4 "
              "--penalty-weight 0.5 --learning-rate 0.001", half_life=0.5),
)  # fmt: skip


@dataclass(frozen=True)
class SearchConfig(store.SaveConfig):
    """Train every candidate on MNIST for as much processor time as DCGAN takes for 3000 steps, and measure FID.

    A candidate's steps are timed on one thread, in turn with DCGAN's, and the number of its steps follows from that.
    With a budget below 1, all trainings are shorter by that share, and so are their schedules. Results are added to
    those that are there already; a candidate that has one of the same commit, budget and seed is not trained again.
    """

    only: tuple[str, ...] = ()
    """Candidates to train, by parts of their names. Unset: all."""
    budget: float = 1.0
    """Time of a training relative to DCGAN's 3000 steps."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of the trainings."""
    samples: int = 10_000
    """Images that FID is computed from."""
    workers: int = 2
    """Trainings at the same time, each on one thread."""


def main(options: list[str]) -> None:
    """Train what has no result yet, measure, report.

    Raises: BenchError for a name that no candidate has
    """
    config = parse(SearchConfig, "python -m bench search", options)
    chosen = [one for one in CANDIDATES if not config.only or any(part in one.name for part in config.only)]
    if not chosen:
        raise BenchError(f"there is no such candidate; they are: {'; '.join(one.name for one in CANDIDATES)}")
    limit_threads(1)
    console, facts, path = make_console(), machine.facts(), config.results / "search.json"
    results = read(path)["results"] if path.exists() else []
    known = {(row["commit"], row["candidate"], row["budget"], row["seed"]) for row in results}
    pending = deque(
        (candidate, seed)
        for seed in config.seeds
        for candidate in chosen
        if (facts["commit"], candidate.name, config.budget, seed) not in known
    )
    report = {"benchmark": "search", "machine": facts, "settings": asdict(config) | {"results": None}}

    def finished(row: dict[str, Any]) -> None:
        results.append({"commit": facts["commit"]} | row)
        console.print(f"{row['candidate']}: {row['steps']:,} steps, FID {row['fid']:.3f}")
        store.save(console, config, "search", report | {"results": results})

    with console.status(f"{len(pending)} trainings"):
        train_all(config, pending, finished)
    console.print(table(results))
    print_lines(console, machine.lines(facts, 1))


def train_all(
    config: SearchConfig, pending: deque[tuple[Candidate, int]], finished: Callable[[dict[str, Any]], None]
) -> None:
    """Train what is pending, so many at a time; `finished` is called with each result."""

    def one(candidate: Candidate, seed: int) -> dict[str, Any]:
        with Worker(candidate.name, Training, candidate, config.budget, seed, config.samples) as worker:
            return {"candidate": candidate.name, "budget": config.budget, "seed": seed} | worker.ask("result")

    with ThreadPoolExecutor(config.workers) as threads:
        for done in as_completed([threads.submit(one, *each) for each in pending]):
            finished(done.result())


class Training:
    """A training of a candidate in a process of its own."""

    def __init__(self, candidate: Candidate, budget: float, seed: int, samples: int) -> None:
        self.candidate, self.budget, self.seed, self.samples = candidate, budget, seed, samples

    def run(self) -> None:
        """A worker's work; here, its result is what counts."""
        self.result()

    def result(self) -> dict[str, Any]:
        """Figures of the trained generator, and the training's cost."""
        cost = self._relative_cost()
        steps = max(1, round(self.budget * UNIT_STEPS / cost))
        trainer, started = Trainer(self.candidate.config(steps, self.seed)), time.process_time()
        for number in range(1, steps + 1):
            trainer.step(number)
        seconds = time.process_time() - started
        evaluator = Evaluator(TrainConfig.of(), load("mnist", image_size=28), samples=self.samples)
        found = evaluator.measure(generate(trainer.gan.sampler, evaluator.ask(trainer.gan)[0]))
        figures = {name: float(found[name]) for name in ("fid", "precision", "recall")}
        return {"steps": steps, "relative_cost": cost, "processor_seconds": seconds} | figures

    def _relative_cost(self, rounds: int = 3) -> float:
        """Processor time of a step relative to DCGAN's, timed in turn: the least of the rounds of each."""
        unit = Candidate(UNIT).config(UNIT_STEPS, self.seed)
        trainers = [Trainer(unit), Trainer(self.candidate.config(UNIT_STEPS, self.seed))]
        least = [float("inf")] * 2
        for turn in range(rounds + 1):
            for which, trainer in enumerate(trainers):
                started = time.process_time()
                for _ in range(CYCLE):
                    trainer.step(trainer.reached + 1)
                if turn:  # the first compiles
                    least[which] = min(least[which], time.process_time() - started)
        return least[1] / least[0]


def table(results: list[dict[str, Any]]) -> Table:
    """Table of all results, the best first."""
    shown = Table(title="FID after as much time", title_justify="left", box=SIMPLE, pad_edge=False)
    for heading in ("rawgan train", "commit", "budget", "seed", "steps", "FID", "precision", "recall"):
        shown.add_column(heading, justify="left" if heading == "rawgan train" else "right")
    for row in sorted(results, key=lambda row: (-row["budget"], row["fid"])):
        shown.add_row(
            row["candidate"], row["commit"], f"{row['budget']:g}", f"{row['seed']}", f"{row['steps']:,}",
            *(f"{row[name]:.3f}" for name in ("fid", "precision", "recall")),
        )  # fmt: skip
    return shown


EXPERIMENT = Experiment("FID of settings of training, each in the time of plain DCGAN", minutes=90, main=main)
