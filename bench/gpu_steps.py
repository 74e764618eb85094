"""How long does a training step take on the GPU, and how long in PyTorch?

All start from the same weights, and their losses must agree before the clock starts. They share one process and one
GPU, and work in turn; a turn is a run of steps, at whose end the GPU is waited for. Losses stay on the GPU.

PyTorch competes eagerly in both layouts, tuned (D frozen in G's step, fused Adam, cuDNN's own search for the fastest
algorithms), and with the whole step recorded as a CUDA graph; compiled as well in a section of its own, as that takes
minutes.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.competitors import AGREEMENT, BATCHES, NETWORKS, Steps, Task, largest_difference
from bench.errors import BenchError
from bench.findings import Finding, Findings, found
from bench.gpu import Sizes, release, tf32, torch_on_gpu, wait
from bench.rounds import Spread, fastest, measure, ratios
from rawgan import Tensor
from rawgan.gan import GraphedStep, ImageSpec, build, train_step
from rawgan.testing.kernel import chosen

TF32_AGREEMENT = 0.1
"""By how much losses of the first steps may differ where factors are rounded to 10 bits."""
NO_TORCH = "PyTorch is not installed, or sees no GPU"
WARM_UP = 5
"""Steps before the clock starts, after those that were checked: among them are those in which a graph is recorded."""
OURS, OURS_GRAPHED = "rawgan", "rawgan, graphed"
LAYOUTS = {"NCHW": False, "NHWC": True}


class Start:
    """What all competitors start from: weights, images, noise."""

    def __init__(self, task: Task) -> None:
        self.task = task
        gan = build(task.model, ImageSpec(task.image_size, task.channels), width=task.width)
        self.weights: dict[str, dict[str, np.ndarray]] = {name: getattr(gan, name).state_dict() for name in NETWORKS}
        rng = np.random.default_rng(0)
        shape = (BATCHES, task.batch_size, task.image_size, task.image_size, task.channels)
        # Each batch has another contrast, so that a step on the wrong one shows.
        contrast = np.linspace(1, 0.1, BATCHES, dtype=np.float32).reshape(-1, 1, 1, 1, 1)
        self.reals = contrast * (2 * rng.random(shape, np.float32) - 1)
        self.noise = rng.standard_normal((BATCHES, task.batch_size, gan.noise_size), np.float32)


class OnGPU(Steps):
    """A competitor in this process, whose turn is a run of steps. It has a `name`, and looks like a Worker."""

    name = ""

    def seconds(self, times: int) -> float:
        """Seconds of a step, the mean of so many in a row."""
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
            with chosen("cuda"):
                self.train = GraphedStep(self.gan)
        pairs = zip(start.reals, start.noise, strict=True)
        super().__init__([(Tensor(real).to("cuda"), Tensor(z).to("cuda")) for real, z in pairs], 0)

    def step(self, real: Any, z: Any) -> Any:
        """One step with the kernels of the cuda backend."""
        with chosen("cuda"):
            return self.train(real, z)


def torch_name(layout: str, compiled: str, graphed: bool) -> str:
    """What a form of PyTorch is called."""
    words = f"torch {layout}", f"compiled ({compiled})" if compiled else "", "graphed" if graphed else ""
    return ", ".join(filter(None, words))


class TorchOnGPU(OnGPU):
    """The same networks in PyTorch: eager, compiled by torch.compile in some mode, or graphed, or both."""

    device = "cuda"

    def __init__(self, start: Start, layout: str, compiled: str, graphed: bool) -> None:
        import torch

        from bench import torch_networks

        task = start.task
        self.name = torch_name(layout, compiled, graphed)
        self.torch, self.networks, self.start, self.marks = torch, torch_networks, start, compiled == "max-autotune"
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
        """Begin at the start again, in the same memory."""
        for name in NETWORKS:
            self.networks.load_rawgan(getattr(self.gan, name), self.start.weights[name])
        for optimiser in (self.gan.g_optimizer, self.gan.d_optimizer):
            for state in optimiser.state.values():
                for x in state.values():
                    x.zero_()

    def step(self, real: Any, z: Any) -> Any:
        """One step."""
        if self.marks:
            self.torch.compiler.cudagraph_mark_step_begin()
        return self.networks.train_step(self.gan, real, z, freeze=True)

    def _record(self, real: Any, z: Any) -> None:
        """Record a whole step, after some steps beside the default stream, as PyTorch's manual has it."""
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
            outcome = launched(real, z)
        self.load()

        def replay(next_real: Any, next_z: Any) -> Any:
            real.copy_(next_real)
            z.copy_(next_z)
            graph.replay()
            return outcome

        self.step = replay  # type: ignore[method-assign]


def steps(sizes: Sizes, findings: Findings) -> None:
    """Both models, what matters most first; with TF32 at one batch size."""
    forms = [(layout, "", graphed) for graphed in (False, True) for layout in LAYOUTS]
    for task in _tasks(sizes):
        findings.look(_name(task), lambda task=task: _compete(task, sizes, forms))


def compiled(sizes: Sizes, findings: Findings) -> None:
    """The step that matters most against torch.compile, recorded as a graph by itself or, as a whole step, by us."""
    if torch_on_gpu() is None:
        findings.look("PyTorch", lambda: found(NO_TORCH))
        return
    task = _tasks(sizes)[0]
    for mode, graphed in (("default", True), ("max-autotune", False), ("max-autotune-no-cudagraphs", True)):
        form = "NHWC", mode, graphed
        findings.look(f"{_name(task)}, {mode}", lambda form=form: _compete(task, sizes, [form]))


def _tasks(sizes: Sizes) -> list[Task]:
    first, *others = sizes.batches
    wanted = [(model, sizes.large, first) for model in sizes.models]
    if not tf32():
        wanted += [(model, sizes.large, batch) for model in sizes.models for batch in others]
    wanted += [(sizes.models[0], sizes.small, batch) for batch in (first, *([] if tf32() else others))]
    return [Task(model, kind.size, kind.channels, batch, 0, sizes.width) for model, kind, batch in wanted]


def _name(task: Task) -> str:
    return f"{task.model} {task.shape} batch {task.batch_size}"


def _compete(task: Task, sizes: Sizes, forms: list[tuple[str, str, bool]]) -> Finding:
    """Check, then take the time in turn."""
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
        agreement = f"losses within {largest_difference(reports, TF32_AGREEMENT if tf32() else AGREEMENT):.0e}"
    except BenchError as error:
        good, agreement = False, f"LOSSES DIFFER: {str(error).splitlines()[1].strip()}"
    seconds = measure(competitors, sizes.rounds, turn_seconds=sizes.turn_seconds, warm_up=WARM_UP)
    best = fastest({name: seconds[name] for name in (OURS, OURS_GRAPHED) if name in seconds})
    compared = {kind: _ratio(seconds, best, names) for kind, names in _kinds(seconds).items()}
    times = ", ".join(f"{name} {1e3 * Spread.of(taken).median:.2f}" for name, taken in seconds.items())
    headline = f"{best} {1e3 * Spread.of(seconds[best]).median:.2f} ms" + "".join(
        f"; {ratio.median:.2f} × {kind}" for kind, (_, ratio) in compared.items()
    )
    lines = [f"ms: {times}", *(f"{best} / {name}: {ratio.median:.2f}" for name, ratio in compared.values()), agreement]
    return found(
        "\n    ".join(lines + notes), good, headline if good is None else f"{headline}; {agreement}",
        tf32=tf32(), rounds=seconds, losses=reports, notes=notes,
        ratios={kind: {"rival": name, **ratio.as_dict()} for kind, (name, ratio) in compared.items()},
    )  # fmt: skip


def _ready(
    makers: dict[str, Callable[[], OnGPU]],
) -> tuple[list[OnGPU], dict[str, dict[str, float]], list[str]]:
    """The competitors, what each reports of its first steps, and why others do not take part. The first one must."""
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
    """The fastest of the names, and the time of ours over its own."""
    rival = fastest({name: seconds[name] for name in names})
    return rival, Spread.of(ratios(seconds[ours], seconds[rival]))


def _kinds(seconds: dict[str, list[float]]) -> dict[str, list[str]]:
    """The rivals by what they are measured against: eager PyTorch, and any other form of it."""
    rivals = [name for name in seconds if name.startswith("torch")]
    kinds = {
        "eager": [name for name in rivals if "," not in name],
        "compiled or graphed": [name for name in rivals if "," in name],
    }
    return {kind: names for kind, names in kinds.items() if names}
