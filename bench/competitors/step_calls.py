"""The calls of kernels in a training step, found by observing one.

The observed step takes BATCH images, a number that divides no other size in the networks. So an axis whose size is a
multiple of it is the batch, and is scaled to the wanted batch size.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

import rawgan_kernels
from bench.competitors.kernel_calls import ArrayList, ArraySpec, KernelCall, call_on, norms
from rawgan.gan import ImageSpec, build, train_step
from rawgan.tensor import Tensor
from rawgan_kernels import KERNELS

BATCH = 11
ATTENTION = 32, 32 * 32, 64
"""Images, positions and channels of a call of attention."""
NORMS = (32, 32, 32, 64), 8
"""Images, and groups of their channels, that norms are called on which no training step calls."""
SMALLEST = 4096
"""Elements. Smaller calls cost only the overhead of a call (see `bench overhead`); they are left out if the kernel has
larger ones."""

Calls = dict[KernelCall, Counter[str]]
"""Number of times that each call occurs in a training step, by the name of the networks."""


def calls_of(models: tuple[str, ...], images: tuple[ImageSpec, ...], batch_size: int, width: int = 64) -> Calls:
    """Find every call in a training step of each model, and make up one for each kernel that none of them calls.

    Calls that differ only in the value of a constant count as one.
    """
    found: Calls = {}
    by_key: dict[Any, KernelCall] = {}
    for model in models:
        for image in images:
            name = f"{model} {'×'.join(map(str, image.shape))}"
            for case, count in watch(model, image, width).items():
                scaled = scale(case, batch_size)
                kept = by_key.setdefault(_key(scaled), scaled)
                found.setdefault(kept, Counter())[name] += count
    for kernel in KERNELS:
        for case in _missing(kernel, found, images, batch_size):
            found[case] = Counter()
    for case in norms(*NORMS):
        found.setdefault(by_key.get(_key(case), case), Counter())
    large = {case for case in found if case.size >= SMALLEST}
    has_large = {case.kernel for case in large}
    order = list(KERNELS)
    kept = [case for case in found if case in large or case.kernel not in has_large]
    return {case: found[case] for case in sorted(kept, key=lambda case: (order.index(case.kernel), -case.size))}


def watch(model: str, image: ImageSpec, width: int = 64) -> Counter[KernelCall]:
    """Count the calls of one training step with BATCH images."""
    gan = build(model, image, width=width)
    real = Tensor(np.zeros((BATCH, *image.shape), np.float32))
    backend = rawgan_kernels.chosen()
    rawgan_kernels.use("reference")  # the calls are the same whoever answers them, and this one compiles nothing
    try:
        with watched() as calls:
            train_step(gan, real, gan.noise(0, "train", BATCH))
    finally:
        rawgan_kernels.use(backend)
    return Counter(calls)


def scale(case: KernelCall, batch_size: int) -> KernelCall:
    """The same call with another batch size."""

    def scaled(argument: Any) -> Any:
        match argument:
            case ArraySpec():
                sizes = (size if size % BATCH else size // BATCH * batch_size for size in argument.shape)
                return replace(argument, shape=tuple(sizes))
            case ArrayList():
                return ArrayList(tuple(scaled(item) for item in argument.items))
            case _:
                return argument

    return replace(case, arguments=tuple(scaled(argument) for argument in case.arguments))


@contextmanager
def watched() -> Iterator[list[KernelCall]]:
    """Inside, every call of a kernel through `rawgan_kernels` is appended to a list."""
    calls: list[KernelCall] = []
    with rawgan_kernels.observe(lambda name, args: calls.append(KernelCall(name, tuple(map(_described, args))))):
        yield calls


def _described(value: Any) -> Any:
    match value:
        case np.ndarray():
            outermost_first = sorted(range(value.ndim), key=lambda axis: -value.strides[axis])
            order = tuple(outermost_first) if value.size > 1 and not value.flags.c_contiguous else ()
            # Numbers of images are those of a batch, and have one axis; others are less than some number of pixels.
            below = int(value.max(initial=0)) + 1 if value.dtype.kind == "i" and value.ndim > 1 else 0
            return ArraySpec(value.shape, value.dtype.name, order, below)
        case list():
            return ArrayList(tuple(_described(item) for item in value))
        case _:
            return value


def _missing(kernel: str, found: Calls, images: tuple[ImageSpec, ...], batch_size: int) -> Iterator[KernelCall]:
    """Calls of a kernel that no training step calls: on the largest activation, on all weights, on images, or
    on their positions."""
    if any(case.kernel == kernel for case in found):
        return
    parameters = KERNELS[kernel].signature.parameters
    if "images" in parameters:
        for image in images:
            yield call_on(kernel, (batch_size, *image.shape))
        return
    if "q" in parameters:
        yield call_on(kernel, ATTENTION)
        return
    if "w" in parameters:
        weights = max((case for case in found if case.kernel == "adam_update"), key=lambda case: case.size)
        template = call_on(kernel, (1,))
        arguments = (weights.arguments[0] if isinstance(x, ArrayList) else x for x in template.arguments)
        yield replace(template, arguments=tuple(arguments))
        return
    largest = max((case for case in found if case.kernel == "normalize"), key=lambda case: case.size)
    yield call_on(kernel, largest.arguments[0].shape)


def _key(case: KernelCall) -> Any:
    """Key that tells calls apart. Constants count only if they are 0 or 1, for which kernels may have shortcuts."""
    return case.kernel, tuple(
        "a constant" if isinstance(x, float) and x not in (0.0, 1.0) else x for x in case.arguments
    )
