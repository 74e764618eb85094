"""Contract of a Module in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rawgan.errors import CheckFailed, ConfigError
from rawgan.nn import Module
from rawgan.tensor import Tensor
from rawgan.testing.arrays import plain, root_mean_square
from rawgan.testing.comparison import close, difference
from rawgan.testing.functions.backward import gradients_from
from rawgan.testing.layers.calls import (
    LayerCall,
    changed_buffer,
    copy_of,
    first_difference,
    result_of,
    same_results,
)
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import array_module

Array = Any

SHIFT = 0.1
"""Value of a buffer's zeros in the call that shows if the layer uses them."""


def check_evaluation(subject: Module, before: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Check a layer in evaluation mode, whose buffers calls in training have moved since `before`."""
    _check_unmoved(subject, inputs, others, title)
    _check_buffers(subject, before, inputs, others, title)
    _check_saved(subject, before, inputs, title)
    if not any(module.compares_samples for _, module in subject.modules()):
        _check_samples(subject, inputs, others, title)


def _check_unmoved(subject: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    layer = copy_of(subject)
    expected = result_of(layer, inputs)
    result_of(layer, others)
    if written := changed_buffer(layer, subject):
        raise CheckFailed(f"{title} writes to its buffer {written}; it may only if self.training")
    found = result_of(layer, inputs)
    if not same_results(expected, found):
        raise CheckFailed(
            f"{title} gives another result for the same input after it has seen others\n"
            "  in evaluation mode a layer draws no random numbers and keeps nothing of its inputs"
        )


def _check_buffers(subject: Module, before: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Check each buffer: one that matters must be moved by training, and one that training moves must matter."""
    seen, same = (_trained(subject, given) for given in (others, inputs))
    evaluation, training = subject, copy_of(subject).train()
    for name, x in subject.named_buffers():
        moves = _named(before)[name].data.tobytes() != x.data.tobytes()
        statistic = _named(seen)[name].data.tobytes() != _named(same)[name].data.tobytes()  # it depends on the inputs
        matters = _matters(evaluation, name, inputs)
        if not moves and matters and not _matters(training, name, inputs):
            raise CheckFailed(
                f"{title} uses its buffer {name} {x.shape}, which keeps its initial value: training neither "
                "moves nor uses it\n  is it forgotten where the others are updated?"
            )
        if moves and statistic and not matters and not _matters(training, name, inputs):
            with training.frozen_buffers():
                differs = first_difference(result_of(copy_of(training), inputs), result_of(copy_of(evaluation), inputs))
            if differs:
                raise CheckFailed(
                    f"{title} does not use its buffer {name} {x.shape}, which training moves\n"
                    "  does it normalise with the statistics of the batch in evaluation mode, too?"
                )


def _trained(subject: Module, inputs: Sequence[Any]) -> Module:
    layer = copy_of(subject).train()
    LayerCall(layer, inputs)
    return layer


def _named(layer: Module) -> dict[str, Tensor]:
    return dict(layer.named_buffers())


def _matters(subject: Module, name: str, inputs: Sequence[Any]) -> bool:
    """True if results depend on a buffer."""
    layer = copy_of(subject)
    x = _named(layer)[name]
    xp = array_module(x.data)  # each number by another factor: a layer may use their direction alone
    factors = xp.arange(x.size, dtype=x.dtype).reshape(x.shape) / max(1, x.size) + 1.25
    x.data = factors * x.data + SHIFT * (x.data == 0)
    return not same_results(result_of(copy_of(subject), inputs), result_of(layer, inputs))


def _check_saved(subject: Module, before: Module, inputs: Sequence[Any], title: str) -> None:
    """Check that a copy that was never called gives the same with the state of one that was."""
    layer = copy_of(before)
    try:
        layer.load_state_dict(subject.state_dict())
    except ConfigError:
        return  # it makes its parameters in its first call
    if first_difference(result_of(copy_of(subject), inputs), result_of(layer.eval(), inputs)):
        raise CheckFailed(
            f"{title} gives another result when its state_dict() is loaded into a copy: "
            "it keeps something that is neither a Parameter nor a Buffer"
        )


# --- one sample among others ---------------------------------------------------------------------------------------


def _check_samples(subject: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Check that the result of a sample does not depend on the others: alone, in another order, among more."""
    count = _batch(inputs)
    if not count:
        return
    whole = _Batch(copy_of(subject), inputs)
    for when, given, rows, origin in _arrangements(inputs, others, count):
        try:
            part = _Batch(copy_of(subject), given)
        except Exception:
            if when == MORE:
                return  # the first axis does not number samples
            continue
        for name, expected, got in zip(whole.names, whole.arrays, part.arrays, strict=False):
            if len(expected) != count or len(got) != _batch(given) or got.shape[1:] != expected.shape[1:]:
                return  # results are not one for each sample
            right, found = expected[origin], got[rows]
            if not close(found, right, 100 * TOLERANCES["float64"], root_mean_square(right)):
                raise CheckFailed(
                    f"{title}: {when}, a sample has another {name} {right.shape[1:]}, {difference(found, right)}\n"
                    "  does it use the statistics of the batch in evaluation mode, too? If a layer is meant to compare "
                    "samples, say so in its class: compares_samples = True"
                )


MORE = "among more samples"


class _Batch:
    """Results of a batch, and its inputs' gradients, with the same upstream gradients for every sample."""

    def __init__(self, layer: Module, inputs: Sequence[Any]) -> None:
        call = LayerCall(layer, inputs)
        ys = [y for y in call.results if y.ndim]
        self.names = [f"y{index}" for index in range(len(ys))]
        self.arrays = [y.data for y in ys]
        if any(y.requires_grad for y in ys) and call.inputs:
            weights = [Tensor(_weights(y.data)) for y in ys]
            found = gradients_from(ys, list(call.inputs.values()), weights)
            self.names += [f"g{name}" for name, g in zip(call.inputs, found, strict=True) if g.ndim]
            self.arrays += [g.data for g in found if g.ndim]


def _weights(y: Array) -> Array:
    xp = array_module(y)
    return xp.broadcast_to(0.5 + xp.arange(y[0].size).reshape(y.shape[1:]) % 7, y.shape).astype(y.dtype)


def _arrangements(
    inputs: Sequence[Any], others: Sequence[Any], count: int
) -> Iterator[tuple[str, list[Any], Any, Any]]:
    """Batches with the same samples among others: a description, the inputs, the samples' rows, and their old rows."""
    yield MORE, _each(_joined(inputs, others), count), slice(count), slice(None)
    if count > 1:
        yield "by itself", [_changed(x, count, lambda a: a[:1]) for x in inputs], slice(1), slice(1)
        last = slice(count - 1, count)
        yield "by itself", [_changed(x, count, lambda a: a[last].copy()) for x in inputs], slice(1), last
        turned = [*range(1, count), 0]
        yield "in another order", [_changed(x, count, lambda a: a[turned]) for x in inputs], slice(None), turned


def _joined(inputs: Sequence[Any], others: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(map(plain, inputs), map(plain, others), strict=True))


def _each(pairs: Sequence[tuple[Any, Any]], count: int) -> list[Any]:
    def joined(b: Array) -> Callable[[Array], Array]:
        return lambda x: array_module(x).concatenate([x, b])

    return [_changed(a, count, joined(b)) for a, b in pairs]


def _batch(inputs: Sequence[Any]) -> int:
    """Number of samples: the length of the first array."""
    for x in map(plain, inputs):
        if getattr(x, "ndim", 0):
            return len(x)
    return 0


def _changed(x: Any, count: int, change: Callable[[Array], Array]) -> Any:
    value = plain(x)
    return change(value) if getattr(value, "ndim", 0) and len(value) == count else value
