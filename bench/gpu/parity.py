"""Correctness on the GPU: every kernel, then training, then training as a CUDA graph."""

import itertools
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.competitors.kernel_calls import ArrayList, ArraySpec, KernelCall, call_on, parse_call
from bench.competitors.kernels import IN_PLACE, Oracle, RawganKernel
from bench.competitors.step_calls import calls_of, watched
from bench.competitors.steps import NETWORKS, converted
from bench.gpu.clock import Sizes, wait
from bench.gpu.observations import Observation, Observations, observed
from rawgan import Tensor
from rawgan.data import Batches, load
from rawgan.device import to_device
from rawgan.errors import CheckFailed
from rawgan.gan import GAN, GraphedStep, ImageSpec, build, train_step
from rawgan.ops.registry import CASES
from rawgan.testing import check_kernel
from rawgan.testing.backends import use_backend
from rawgan_kernels import KERNELS, Backend, Window

SHAPES = ((1,), (3, 5), (1025,), (0, 3), (2, 258), (130, 7, 5), (9000, 1), (70_001,))
"""Shapes for kernels that take arrays of any: one number, none, one more than a block or a warp holds."""
LENGTHS = ((3,), (41, 50), (0, 2), (7, 150), (1,))
"""Shapes of the arrays of one update."""
FIRST_STEPS = 5
LOSSES = {"float64": 1e-11, "float32": 1e-5}
"""Largest difference of losses in the first steps; the CPU's backends differ by less than a hundredth of it."""
REAL_ERROR, KINKED_ERROR = 1e-4, 1e-2
"""Largest ‖found − expected‖ / ‖expected‖ in float32; the second where numbers next to a kink may go the other way."""


# --- kernels ----------------------------------------------------------------------------------------------------------


def kernels(sizes: Sizes, observations: Observations) -> None:
    """Compare every kernel with the reference in float64: awkward calls in both dtypes, then a training step's."""
    awkward = _by_kernel(_awkward(sizes))
    for kernel in KERNELS:
        if kernel == "gather_pixels":
            observations.look(kernel, _gather_pixels)
        else:
            observations.look(kernel, lambda kernel=kernel: _agrees(kernel, awkward[kernel]))
    observations.look("NaN and infinity", _not_finite)
    real = _by_kernel(calls_of(sizes.models, (sizes.small, sizes.large), sizes.few, sizes.width))
    for kernel in KERNELS:
        observations.look(f"{kernel}, real sizes", lambda kernel=kernel: _agrees_at_real_sizes(kernel, real[kernel]))


def _by_kernel(cases: Iterable[KernelCall]) -> dict[str, list[KernelCall]]:
    """Calls by kernel, each once."""
    by_kernel: dict[str, list[KernelCall]] = defaultdict(list)
    for case in dict.fromkeys(cases):
        by_kernel[case.kernel].append(case)
    return by_kernel


def _awkward(sizes: Sizes) -> Iterator[KernelCall]:
    """Calls in the table of all ops, and calls on shapes that blocks and warps do not divide."""
    with use_backend("reference"), watched() as calls:
        for op in CASES:
            op.function(*map(Tensor, op.arrays()))
    yield from (case for case in calls if case.kernel != "gather_pixels")
    for kernel, shape in itertools.product(KERNELS, SHAPES):
        if kernel.startswith(("conv2d", "matmul", "gather")):
            continue
        if kernel.startswith("normalize") and (len(shape) == 1 or not shape[0]):
            continue  # the mean of nothing is not a number; a single axis has no channels
        yield call_on(kernel, shape)
    many = ArrayList(tuple(map(ArraySpec, LENGTHS)))
    for kernel in IN_PLACE:
        template = call_on(kernel, (1,))
        yield KernelCall(kernel, tuple(many if isinstance(x, ArrayList) else x for x in template.arguments))
    for (m, k, n), flip in itertools.product(((1, 1, 1), (33, 65, 17), (5, 300, 1)), (False, True)):
        order = (1, 0) if flip else ()
        yield KernelCall("matmul", (ArraySpec((m, k), order=order), ArraySpec((k, n), order=order)))
    yield from _convolutions()
    for kernel in ("conv2d", "conv2d_input_grad", "conv2d_weight_grad"):
        yield parse_call(kernel, sizes.many_windows)


def _convolutions() -> Iterator[KernelCall]:
    strides, dilations = [(1, 1), (2, 3)], [(1, 1), (2, 1), (1, 3)]
    paddings = [((0, 0), (0, 0)), ((1, 1), (2, 2)), ((2, 0), (0, 1))]
    for stride, padding, dilation, groups in itertools.product(strides, paddings, dilations, (1, 2, 4)):
        window, outputs = Window((6, 5), (3, 2), stride, padding, dilation, groups), 4 if groups == 4 else 2 * groups
        x, w, gy = (
            ArraySpec((3, 6, 5, 4)),
            ArraySpec((3, 2, 4 // groups, outputs)),
            ArraySpec((3, *window.output, outputs)),
        )
        yield KernelCall("conv2d", (x, w, window))
        yield KernelCall("conv2d", (x, w, window, ArraySpec((outputs,)), 0.2))
        yield KernelCall("conv2d_input_grad", (gy, w, window))
        yield KernelCall("conv2d_input_grad", (gy, w, window, ArraySpec((4,)), 0.2))
        yield KernelCall("conv2d_weight_grad", (x, gy, window))


def _agrees(kernel: str, cases: list[KernelCall]) -> Observation:
    worst: dict[str, float] = {}
    faults = []
    for case in _some(cases):
        try:
            report = check_kernel(kernel, *case.values().values(), backends=("cuda",))
        except Exception as error:
            faults.append(f"{case.label}: {type(error).__name__}: {error}")
            wait()  # raises if the GPU is lost, as then all others would be wrong
            continue
        for row in report.rows:
            worst[row.dtype] = max(worst.get(row.dtype, 0.0), row.error)
    if faults:
        return observed(f"{len(faults)} of {len(cases)} calls are wrong: {faults[0]}", False, faults=faults)
    errors = ", ".join(f"{dtype} {error:.0e}" for dtype, error in worst.items())
    return observed(
        f"{len(cases)} calls, off by at most {errors}; same bits again", True, calls=len(cases), errors=worst
    )


def _agrees_at_real_sizes(kernel: str, cases: list[KernelCall]) -> Observation:
    competitor, oracle, worst, faults = RawganKernel("cuda", 0), Oracle(), 0.0, []
    with tempfile.TemporaryDirectory(prefix="rawgan-gpu-") as name:
        for case in _some(cases):
            oracle.expect(case, Path(name))
            error = competitor.prepare(case, Path(name))
            allowed = KINKED_ERROR if kernel == "normalize_grad" else REAL_ERROR
            if isinstance(error, str) or not error <= allowed:
                faults.append(f"{case.label}: {error}, allowed {allowed}")
            else:
                worst = max(worst, error)
    if faults:
        return observed(f"{len(faults)} of {len(cases)} calls are wrong: {faults[0]}", False, faults=faults)
    return observed(f"{len(cases)} calls, off by at most {worst:.0e}", True, calls=len(cases), error=worst)


def _some(cases: list[KernelCall]) -> list[KernelCall]:
    """Return the calls.

    Raises: CheckFailed if there are none, because nothing would be checked
    """
    if not cases:
        raise CheckFailed("there is no call of it")
    return cases


def _gather_pixels() -> Observation:
    images = np.random.default_rng(0).integers(0, 256, (9, 5, 4, 3)).astype("uint8")
    on_gpu = to_device(images, "cuda")
    for indices, dtype in itertools.product((np.array([3, 8, 0, 3]), np.array([], "int64")), ("float32", "float64")):
        got = Backend("cuda").gather_pixels(on_gpu, to_device(indices, "cuda"), dtype)
        expected = Backend("reference").gather_pixels(images, indices, dtype)
        np.testing.assert_array_equal(to_device(got, "cpu"), expected, strict=True)
    return observed("4 calls, the very numbers", True, calls=4)


def _not_finite() -> Observation:
    x = np.array([np.nan, np.inf, -np.inf, 88.0, -104.0, 1e4, -1e4, 0.0, 1e-30], "float32")
    half = np.full_like(x, 0.5)
    calls = {"leaky_relu": (0.0,), "tanh": (), "sigmoid": (), "softplus": (), "bce_with_logits": (half,)}
    for kernel, more in calls.items():
        on_gpu = [to_device(y, "cuda") if isinstance(y, np.ndarray) else y for y in (x, *more)]
        got = to_device(getattr(Backend("cuda"), kernel)(*on_gpu), "cpu")
        np.testing.assert_allclose(got, getattr(Backend("reference"), kernel)(x, *more), rtol=1e-6, err_msg=kernel)
    return observed(f"{len(calls)} kernels leave them where they belong", True)


# --- training ---------------------------------------------------------------------------------------------------------


def training(sizes: Sizes, observations: Observations) -> None:
    """Compare a hundred steps with the CPU's, in narrow and in real networks, in both dtypes; and repeat them."""
    for width, model in itertools.product((sizes.narrow, sizes.width), sizes.models):
        observations.look(
            f"{model}, width {width}", lambda model=model, width=width: _trained_alike(model, width, sizes)
        )


def _trained_alike(model: str, width: int, sizes: Sizes) -> Observation:
    """Compare losses. The drift of float32 from float64, on the GPU and on the CPU, is reported. Only that is judged
    which holds in spite of chaos (see tests/with_torch/test_agreement.py): the first steps in float64, and of narrow
    networks also in float32; in real networks only the first step in float32, before any update."""
    runs = {
        (backend, device, dtype): _train(model, width, sizes, backend, device, dtype)
        for backend, device in (("cpu", "cpu"), ("cuda", "cuda"))
        for dtype in ("float64", "float32")
    }
    exact, _ = runs["cpu", "cpu", "float64"]
    others = ("cuda", "cuda", "float64"), ("cuda", "cuda", "float32"), ("cpu", "cpu", "float32")
    of_gpu64, of_gpu32, of_cpu32 = (abs(runs[name][0] - exact).max(1) for name in others)
    losses, numbers = runs["cuda", "cuda", "float32"]
    _, numbers_again = _train(model, width, sizes, "cuda", "cuda", "float32")
    checks = {
        "float64": of_gpu64[:FIRST_STEPS].max() <= LOSSES["float64"],
        "float32": of_gpu32[: FIRST_STEPS if width == sizes.narrow else 1].max() <= LOSSES["float32"],
        "same bits": _same_bits(numbers, numbers_again),
        "finite": np.isfinite(losses).all(),
    }
    wrong = [name for name, good in checks.items() if not good]
    middle, end = sizes.training_steps // 2 - 1, sizes.training_steps - 1
    text = (
        f"losses differ from the CPU's in float64 after {FIRST_STEPS}, {middle + 1}, {end + 1} steps by "
        + "; ".join(
            f"{name} {', '.join(f'{steps[: at + 1].max():.0e}' for at in (FIRST_STEPS - 1, middle, end))}"
            for name, steps in (("GPU float64", of_gpu64), ("GPU float32", of_gpu32), ("CPU float32", of_cpu32))
        )
        + (f"; WRONG: {', '.join(wrong)}" if wrong else "; same bits twice")
    )
    headline = f"drift of losses in {sizes.training_steps} steps: GPU {of_gpu32.max():.0e}, CPU {of_cpu32.max():.0e}"
    side_by_side = {" ".join(name): values.tolist() for name, (values, _) in runs.items()}
    checks = {name: bool(good) for name, good in checks.items()}
    return observed(text, not wrong, headline, checks=checks, losses=side_by_side)


def _train(
    model: str, width: int, sizes: Sizes, backend: str, device: str, dtype: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Train. Returns the metrics of each step, (steps, 4), and all numbers of the networks afterwards."""
    with use_backend(backend):
        gan = converted(build(model, sizes.small, width=width, seed=1, device=device), dtype)
        losses = [
            [value.item() for value in train_step(gan, real, z).by_name().values()]
            for real, z in _batches(gan, sizes.training_batch, sizes.training_steps, device)
        ]
        return np.array(losses), _numbers(gan)


def _batches(gan: GAN, batch_size: int, steps: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    dtype = gan.generator.parameters()[0].dtype.name
    batches = Batches(_images(gan.spec), batch_size, seed=1, device=device)
    for step in range(steps):
        yield Tensor(batches.batch(step, dtype)), gan.noise(1, "train", batch_size, step)


@cache
def _images(kind: ImageSpec) -> Any:
    return load("mnist", image_size=kind.size, channels=kind.channels, split="test")


def _numbers(gan: GAN) -> dict[str, np.ndarray]:
    return {f"{name}.{key}": x for name in NETWORKS for key, x in getattr(gan, name).state_dict().items()}


def _same_bits(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(x.tobytes() == other[name].tobytes() for name, x in one.items())


# --- the graph --------------------------------------------------------------------------------------------------------


def graph(sizes: Sizes, observations: Observations) -> None:
    """Compare training as a CUDA graph with training kernel by kernel: the same bits."""
    for model in sizes.models:
        observations.look(model, lambda model=model: _graphed_alike(model, sizes))


def _graphed_alike(model: str, sizes: Sizes) -> Observation:
    with use_backend("cuda"):
        plain, recorded = (build(model, sizes.small, width=sizes.width, seed=1, device="cuda") for _ in range(2))
        step = GraphedStep(recorded)
        different = []
        for number, (real, z) in enumerate(_batches(plain, sizes.training_batch, sizes.graph_steps, "cuda")):
            expected, got = train_step(plain, real, z), step(real, z)
            if [x.item() for x in expected.by_name().values()] != [x.item() for x in got.by_name().values()]:
                different.append(number)
        wait()
        same = not different and _same_bits(_numbers(plain), _numbers(recorded))
    where = f"losses of {len(different)} steps" if different else "weights"
    text = f"{sizes.graph_steps} steps: " + ("the same bits" if same else f"other bits, in the {where}")
    return observed(text, same, text, steps=sizes.graph_steps, different=different)
