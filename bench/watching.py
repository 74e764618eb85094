"""The calls of kernels that a training step makes, found by watching one.

The step that is watched takes BATCH images, a number that divides no other size in the networks: where the size of an
axis is a multiple of it, that is the batch, and is scaled to the batch that is asked for.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

import rawgan_kernels
from bench.cases import Array, Arrays, Case, of_shape
from rawgan.gan import ImageSpec, build, train_step
from rawgan.tensor import Tensor
from rawgan_kernels import KERNELS

BATCH = 11
SMALLEST = 4096
"""Elements. Smaller calls cost what calling costs (see `bench overhead`), and stand aside where there are larger."""

Calls = dict[Case, Counter[str]]
"""How often each case occurs in a training step, by the name of the networks."""


def calls_of(models: tuple[str, ...], images: tuple[ImageSpec, ...], batch_size: int, width: int = 64) -> Calls:
    """Every call that a training step of each of the models makes, and one for each kernel that none of them needs.

    Calls that differ in nothing but the value of a constant are one.
    """
    found: Calls = {}
    by_key: dict[Any, Case] = {}
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
    large = {case for case in found if case.size >= SMALLEST}
    has_large = {case.kernel for case in large}
    order = list(KERNELS)
    kept = [case for case in found if case in large or case.kernel not in has_large]
    return {case: found[case] for case in sorted(kept, key=lambda case: (order.index(case.kernel), -case.size))}


def watch(model: str, image: ImageSpec, width: int = 64) -> Counter[Case]:
    """How often one training step makes each call, with BATCH images."""
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


def scale(case: Case, batch_size: int) -> Case:
    """The same call with another batch."""

    def scaled(argument: Any) -> Any:
        match argument:
            case Array():
                sizes = (size if size % BATCH else size // BATCH * batch_size for size in argument.shape)
                return replace(argument, shape=tuple(sizes))
            case Arrays():
                return Arrays(tuple(scaled(item) for item in argument.items))
            case _:
                return argument

    return replace(case, arguments=tuple(scaled(argument) for argument in case.arguments))


@contextmanager
def watched() -> Iterator[list[Case]]:
    """Inside, every call of a kernel through `rawgan_kernels` is noted down."""
    calls: list[Case] = []
    with rawgan_kernels.observe(lambda name, args: calls.append(Case(name, tuple(map(_described, args))))):
        yield calls


def _described(value: Any) -> Any:
    match value:
        case np.ndarray():
            outermost_first = sorted(range(value.ndim), key=lambda axis: -value.strides[axis])
            order = tuple(outermost_first) if value.size > 1 and not value.flags.c_contiguous else ()
            return Array(value.shape, value.dtype.name, order)
        case list():
            return Arrays(tuple(_described(item) for item in value))
        case _:
            return value


def _missing(kernel: str, found: Calls, images: tuple[ImageSpec, ...], batch_size: int) -> Iterator[Case]:
    """Calls of a kernel that no training step makes: on the largest activation, on all weights, or on images."""
    if any(case.kernel == kernel for case in found):
        return
    parameters = KERNELS[kernel].signature.parameters
    if "images" in parameters:
        for image in images:
            yield of_shape(kernel, (batch_size, *image.shape))
        return
    if "w" in parameters:
        weights = max((case for case in found if case.kernel == "adam_update"), key=lambda case: case.size)
        template = of_shape(kernel, (1,))
        arguments = (weights.arguments[0] if isinstance(x, Arrays) else x for x in template.arguments)
        yield replace(template, arguments=tuple(arguments))
        return
    largest = max((case for case in found if case.kernel == "normalize"), key=lambda case: case.size)
    yield of_shape(kernel, largest.arguments[0].shape)


def _key(case: Case) -> Any:
    """What tells calls apart: not the constants, but whether they are 0 or 1, which kernels may take a shortcut for."""
    return case.kernel, tuple(
        "a constant" if isinstance(x, float) and x not in (0.0, 1.0) else x for x in case.arguments
    )
