"""Time of a training step on the GPU, in rawgan and in PyTorch.

All competitors start from the same weights, and their losses must agree before the clock starts. They share one process
and one GPU, and work in turn; a turn is a run of steps, which ends when the GPU is done. Losses stay on the GPU.

PyTorch competes eagerly in both layouts, tuned (D frozen in G's step, fused Adam, cuDNN's search for the fastest
algorithms), and with the whole step recorded as a CUDA graph. It has its own switch for TF32, and autocast for bf16.
Its compiled forms have a section of their own, because compilation takes minutes.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from bench.common.errors import BenchError
from bench.common.rounds import Spread, fastest, measure, ratios
from bench.competitors.steps import AGREEMENT, BATCHES, NETWORKS, Steps, Workload, largest_difference
from bench.gpu.clock import Sizes, reduced, release, torch_on_gpu, wait
from bench.gpu.observations import Observation, Observations, observed
from rawgan import Tensor
from rawgan.gan import GraphedStep, ImageSpec, build, train_step
from rawgan.testing.backends import use_backend
from rawgan_kernels import chosen_precision

REDUCED_AGREEMENT = 0.1
"""Largest difference of losses in the first steps at a reduced precision: Adam amplifies what rounding changes."""
NO_TORCH = "PyTorch is not installed, or sees no GPU"
WARM_UP = 5
"""Steps between those that are checked and the clock's start; a graph is recorded within them."""
OURS, OURS_GRAPHED = "rawgan", "rawgan, graphed"
LAYOUTS = {"NCHW": False, "NHWC": True}


class Start:
    """Weights, images and noise that all competitors start from."""

    def __init__(self, task: Workload) -> None:
        self.task = task
        gan = build(task.model, ImageSpec(task.image_size, task.channels), width=task.width)
        self.weights: dict[str, dict[str, np.ndarray]] = {name: getattr(gan, name).state_dict() for name in NETWORKS}
        rng = np.random.default_rng(0)
        shape = (BATCHES, task.batch_size, task.image_size, task.image_size, task.channels)
        # Each batch has another contrast, so that a step on the wrong batch shows.
        contrast = np.linspace(1, 0.1, BATCHES, dtype=np.float32).reshape(-1, 1, 1, 1, 1)
        self.reals = contrast * (2 * rng.random(shape, np.float32) - 1)
        self.noise = rng.standard_normal((BATCHES, task.batch_size, gan.noise_size), np.float32)


class OnGPU(Steps):
    """A competitor in this process, whose turn is a run of steps. It has the `name` and `seconds` of a Worker."""

    name = ""

    def seconds(self, times: int) -> float:
        """Take `times` steps in a row. Returns their mean seconds."""
        wait()
        started = time.perf_counter()
        for _ in range(times):
            self.step(*next(self.batches))
        wait()
        return (time.perf_counter() - started) / times


class RawganOnGPU(OnGPU):
    """rawgan with its CUDA kernels: launched one by one, or recorded as a CUDA graph."""

    def __init__(self, start: Start, graphed: bool) -> None:
        task = start.task
        self.name = OURS_GRAPHED if graphed else OURS
        kind = ImageSpec(task.image_size, task.channels)
        self.gan = build(task.model, kind, width=task.width, device="cuda")
        for name in NETWORKS:
            getattr(self.gan, name).load_state_dict(start.weights[name])
        self.train: Callable[[Any, Any], Any] = lambda real, z: train_step(self.gan, real, z)
        if graphed:
            with use_backend("cuda"):
                self.train = GraphedStep(self.gan)
        pairs = zip(start.reals, start.noise, strict=True)
        super().__init__([(Tensor(real).to("cuda"), Tensor(z).to("cuda")) for real, z in pairs], 0)

    def step(self, real: Any, z: Any) -> Any:
        """Take one step with the kernels of the cuda backend."""
        with use_backend("cuda"):
            return self.train(real, z)


def torch_name(layout: str, compiled: str, graphed: bool) -> str:
    """Name of a form of PyTorch."""
    words = f"torch {layout}", f"compiled ({compiled})" if compiled else "", "graphed" if graphed else ""
    return ", ".join(filter(None, words))


class TorchOnGPU(OnGPU):
    """The same networks in PyTorch: eager, compiled by torch.compile in some mode, or graphed, or both."""

    device = "cuda"

    def __init__(self, start: Start, layout: str, compiled: str, graphed: bool) -> None:
        import torch

        from bench.competitors import torch_networks

        task = start.task
        self.name = torch_name(layout, compiled, graphed)
        self.torch, self.networks, self.start, self.marks = torch, torch_networks, start, compiled == "max-autotune"
        self.graphed = graphed
        memory_format = torch.channels_last if LAYOUTS[layout] else torch.contiguous_format
        self.gan = torch_networks.build(
            task.model, task.image_size, task.channels, width=task.width, memory_format=memory_format,
            fused_adam=True, capturable_adam=graphed, device=self.device,
        )  # fmt: skip
        self.load()
        if compiled:
            for name in NETWORKS:
                getattr(self.gan, name).compile(mode=compiled)
        reals = [torch_networks.images_from_rawgan(real, memory_format).to(self.device) for real in start.reals]
        batches = list(zip(reals, torch.from_numpy(start.noise).to(self.device), strict=True))
        super().__init__(batches, 0)
        if graphed:
            self._record(*batches[0])

    def load(self) -> None:
        """Return to the start, in the same memory."""
        for name in NETWORKS:
            self.networks.load_rawgan(getattr(self.gan, name), self.start.weights[name])
        for optimiser in (self.gan.g_optimizer, self.gan.d_optimizer):
            for state in optimiser.state.values():
                for x in state.values():
                    x.zero_()

    def step(self, real: Any, z: Any) -> Any:
        """Take one step."""
        if self.marks:
            self.torch.compiler.cudagraph_mark_step_begin()
        return self.networks.train_step(self.gan, real, z, freeze=True, forward=self._forward)

    def _forward(self) -> Any:
        """The context of each forward pass and its loss."""
        if chosen_precision() == "bf16":
            return self.torch.autocast("cuda", self.torch.bfloat16, cache_enabled=not self.graphed)
        return nullcontext()

    def _record(self, real: Any, z: Any) -> None:
        """Record a whole step, after some steps on another stream, as PyTorch's manual says."""
        torch, launched = self.torch, self.step
        real, z = real.clone(), z.clone()
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):
                launched(real, z)
        torch.cuda.current_stream().wait_stream(beside)
        for optimiser in (self.gan.g_optimizer, self.gan.d_optimizer):
            optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            metrics = launched(real, z)
        self.load()

        def replay(next_real: Any, next_z: Any) -> Any:
            real.copy_(next_real)
            z.copy_(next_z)
            graph.replay()
            return metrics

        self.step = replay  # type: ignore[method-assign]


def steps(sizes: Sizes, observations: Observations) -> None:
    """Time both models, the most important sizes first; at a reduced precision at one batch size only."""
    forms = [(layout, "", graphed) for graphed in (False, True) for layout in LAYOUTS]
    for task in _tasks(sizes):
        observations.look(_name(task), lambda task=task: _compete(task, sizes, forms))


def compiled(sizes: Sizes, observations: Observations) -> None:
    """Time the most important step beside torch.compile, with its own CUDA graphs or the whole step as one."""
    if torch_on_gpu() is None:
        observations.look("PyTorch", lambda: observed(NO_TORCH))
        return
    task = _tasks(sizes)[0]
    for mode, graphed in (("default", True), ("max-autotune", False), ("max-autotune-no-cudagraphs", True)):
        form = "NHWC", mode, graphed
        observations.look(f"{_name(task)}, {mode}", lambda form=form: _compete(task, sizes, [form]))


def _tasks(sizes: Sizes) -> list[Workload]:
    first, *others = sizes.batches
    wanted = [(model, sizes.large, first) for model in sizes.models]
    if not reduced():
        wanted += [(model, sizes.large, batch) for model in sizes.models for batch in others]
    wanted += [(sizes.models[0], sizes.small, batch) for batch in (first, *([] if reduced() else others))]
    return [Workload(model, kind.size, kind.channels, batch, 0, sizes.width) for model, kind, batch in wanted]


def _name(task: Workload) -> str:
    return f"{task.model} {task.shape} batch {task.batch_size}"


def _compete(task: Workload, sizes: Sizes, forms: list[tuple[str, str, bool]]) -> Observation:
    """Check the competitors, then time them in turn."""
    release()
    start = Start(task)
    makers: dict[str, Callable[[], OnGPU]] = {OURS: lambda: RawganOnGPU(start, False)}
    if torch_on_gpu() is not None:
        makers |= {torch_name(*form): lambda form=form: TorchOnGPU(start, *form) for form in forms}
    makers[OURS_GRAPHED] = lambda: RawganOnGPU(start, True)
    competitors, reports, notes = _ready(makers)
    notes += [NO_TORCH] if torch_on_gpu() is None else []
    good = None
    try:
        agreement = f"losses within {largest_difference(reports, REDUCED_AGREEMENT if reduced() else AGREEMENT):.0e}"
    except BenchError as error:
        good, agreement = False, f"LOSSES DIFFER: {str(error).splitlines()[1].strip()}"
    seconds = measure(competitors, sizes.rounds, turn_seconds=sizes.turn_seconds, warm_up=WARM_UP)
    best = fastest({name: seconds[name] for name in (OURS, OURS_GRAPHED) if name in seconds})
    compared = {kind: _ratio(seconds, best, names) for kind, names in _groups(seconds).items()}
    times = ", ".join(f"{name} {1e3 * Spread.of(taken).median:.2f}" for name, taken in seconds.items())
    headline = f"{best} {1e3 * Spread.of(seconds[best]).median:.2f} ms" + "".join(
        f"; {ratio.median:.2f} × {kind}" for kind, (_, ratio) in compared.items()
    )
    lines = [f"ms: {times}", *(f"{best} / {name}: {ratio.median:.2f}" for name, ratio in compared.values()), agreement]
    return observed(
        "\n    ".join(lines + notes), good, headline if good is None else f"{headline}; {agreement}",
        precision=chosen_precision(), rounds=seconds, losses=reports, notes=notes,
        ratios={kind: {"rival": name, **ratio.as_dict()} for kind, (name, ratio) in compared.items()},
    )  # fmt: skip


def _ready(
    makers: dict[str, Callable[[], OnGPU]],
) -> tuple[list[OnGPU], dict[str, dict[str, float]], list[str]]:
    """Make and check the competitors. Returns them, their reports, and notes on those that fail; the first may not."""
    competitors, reports, notes = [], {}, []
    for name, make in makers.items():
        try:
            competitor = make()
            reports[name] = competitor.check()
            competitors.append(competitor)
        except Exception as error:
            if not competitors:
                raise
            first = (str(error).strip().splitlines() or [""])[0]
            notes.append(f"{name} does not take part: {type(error).__name__}: {first}")
    return competitors, reports, notes


def _ratio(seconds: dict[str, list[float]], ours: str, names: list[str]) -> tuple[str, Spread]:
    """Name of the fastest rival, and our time divided by its time."""
    rival = fastest({name: seconds[name] for name in names})
    return rival, Spread.of(ratios(seconds[ours], seconds[rival]))


def _groups(seconds: dict[str, list[float]]) -> dict[str, list[str]]:
    """Names of the rivals in two groups: eager PyTorch, and its other forms."""
    rivals = [name for name in seconds if name.startswith("torch")]
    groups = {
        "eager": [name for name in rivals if "," not in name],
        "compiled or graphed": [name for name in rivals if "," in name],
    }
    return {group: names for group, names in groups.items() if names}
