"""What a Module promises of evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rawgan.errors import CheckFailed, ConfigError
from rawgan.nn import Module
from rawgan.tensor import Tensor
from rawgan.testing.calls import plain, root_mean_square, walked
from rawgan.testing.outcome import close, difference
from rawgan.testing.tolerances import TOLERANCES
from rawgan.testing.using import Called, copied, moved, same_results, unlike, use
from rawgan_kernels import array_module

Array = Any

SHIFT = 0.1
"""What zeros in a buffer become, to see whether they are used."""


def check_evaluation(subject: Module, before: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Check a layer in evaluation mode that calls in training have moved since `before`."""
    _check_unmoved(subject, inputs, others, title)
    _check_buffers(subject, before, inputs, others, title)
    _check_saved(subject, before, inputs, title)
    if not any(module.compares_samples for _, module in subject.modules()):
        _check_samples(subject, inputs, others, title)


def _check_unmoved(subject: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    layer = copied(subject)
    expected = use(layer, inputs)
    use(layer, others)
    if written := moved(layer, subject):
        raise CheckFailed(f"{title} writes to its buffer {written}; it may only if self.training")
    found = use(layer, inputs)
    if not same_results(expected, found):
        raise CheckFailed(
            f"{title} gives another result for the same input after it has seen others\n"
            "  in evaluation mode a layer draws no random numbers and keeps nothing of what it saw"
        )


def _check_buffers(subject: Module, before: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Each buffer by itself: whether training moves it, and what depends on it."""
    seen, same = (_trained(subject, given) for given in (others, inputs))
    evaluation, training = subject, copied(subject).train()
    for name, x in subject.named_buffers():
        moves = _named(before)[name].data.tobytes() != x.data.tobytes()
        statistic = _named(seen)[name].data.tobytes() != _named(same)[name].data.tobytes()  # it depends on the inputs
        matters = _matters(evaluation, name, inputs)
        if not moves and matters and not _matters(training, name, inputs):
            raise CheckFailed(
                f"{title} uses its buffer {name} {x.shape}, which stays as it was made: training neither moves nor "
                "uses it\n  is it forgotten where the others are updated?"
            )
        if moves and statistic and not matters and not _matters(training, name, inputs):
            with training.frozen_buffers():
                differs = unlike(use(copied(training), inputs), use(copied(evaluation), inputs))
            if differs:
                raise CheckFailed(
                    f"{title} does not use what training moves, its buffer {name} {x.shape}\n"
                    "  does it normalise with the batch's own statistics in evaluation mode, too?"
                )


def _trained(subject: Module, inputs: Sequence[Any]) -> Module:
    layer = copied(subject).train()
    Called(layer, inputs)
    return layer


def _named(layer: Module) -> dict[str, Tensor]:
    return dict(layer.named_buffers())


def _matters(subject: Module, name: str, inputs: Sequence[Any]) -> bool:
    """Whether results depend on a buffer."""
    layer = copied(subject)
    x = _named(layer)[name]
    xp = array_module(x.data)  # each number by another factor, as a layer may look at their direction alone
    factors = xp.arange(x.size, dtype=x.dtype).reshape(x.shape) / max(1, x.size) + 1.25
    x.data = factors * x.data + SHIFT * (x.data == 0)
    return not same_results(use(copied(subject), inputs), use(layer, inputs))


def _check_saved(subject: Module, before: Module, inputs: Sequence[Any], title: str) -> None:
    """Give a copy that was never called the state of one that was."""
    layer = copied(before)
    try:
        layer.load_state_dict(subject.state_dict())
    except ConfigError:
        return  # it makes its parameters when it is called
    if unlike(use(copied(subject), inputs), use(layer.eval(), inputs)):
        raise CheckFailed(
            f"{title} gives another result when its state_dict() is loaded into a copy: "
            "it keeps something that is neither a Parameter nor a Buffer"
        )


# --- one sample among others --------------------------------------------------------------------------------


def _check_samples(subject: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """What comes of a sample does not depend on the others of its batch: alone, in another order, among more."""
    count = _batch(inputs)
    if not count:
        return
    whole = _Batch(copied(subject), inputs)
    for when, given, rows, origin in _arrangements(inputs, others, count):
        try:
            part = _Batch(copied(subject), given)
        except Exception:
            if when == MORE:
                return  # the first axis is none of samples, of which there may be any number
            continue
        for name, expected, got in zip(whole.names, whole.arrays, part.arrays, strict=False):
            if len(expected) != count or len(got) != _batch(given) or got.shape[1:] != expected.shape[1:]:
                return  # results are not one for each sample
            right, found = expected[origin], got[rows]
            if not close(found, right, 100 * TOLERANCES["float64"], root_mean_square(right)):
                raise CheckFailed(
                    f"{title}: {when}, a sample has another {name} {right.shape[1:]}, {difference(found, right)}\n"
                    "  does it use the batch's own statistics in evaluation mode, too? If a layer is meant to compare "
                    "samples, say so in its class: compares_samples = True"
                )


MORE = "among more samples"


class _Batch:
    """The results of a batch, and its inputs' gradients, with upstream gradients that depend on each sample alone."""

    def __init__(self, layer: Module, inputs: Sequence[Any]) -> None:
        call = Called(layer, inputs)
        ys = [y for y in call.results if y.ndim]
        self.names = [f"y{index}" for index in range(len(ys))]
        self.arrays = [y.data for y in ys]
        if any(y.requires_grad for y in ys) and call.inputs:
            weights = [Tensor(_weights(y.data)) for y in ys]
            found = walked(ys, list(call.inputs.values()), weights)
            self.names += [f"g{name}" for name, g in zip(call.inputs, found, strict=True) if g.ndim]
            self.arrays += [g.data for g in found if g.ndim]


def _weights(y: Array) -> Array:
    xp = array_module(y)
    return xp.broadcast_to(0.5 + xp.arange(y[0].size).reshape(y.shape[1:]) % 7, y.shape).astype(y.dtype)


def _arrangements(
    inputs: Sequence[Any], others: Sequence[Any], count: int
) -> Iterator[tuple[str, list[Any], Any, Any]]:
    """Batches with the same samples in other company: in words, the inputs, and which of their rows are which."""
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
    """How many samples there are: the length of the first array."""
    for x in map(plain, inputs):
        if getattr(x, "ndim", 0):
            return len(x)
    return 0


def _changed(x: Any, count: int, change: Callable[[Array], Array]) -> Any:
    value = plain(x)
    return change(value) if getattr(value, "ndim", 0) and len(value) == count else value
