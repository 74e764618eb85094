"""A tracer: an observer that turns a training step into events. The step stays bit-identical."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rawgan.autograd import Observer, observing
from rawgan.device import to_device
from rawgan.gan.parts import Part
from rawgan.inspection.events import Array, Event, LayerGradient, LayerOutput, ParameterUpdate, PartBegins, Value
from rawgan.inspection.layers import layer_titles
from rawgan.nn import Module
from rawgan.optim import Optimizer
from rawgan.tensor import Node, Tensor


def trace(step: Callable[[], object], networks: Mapping[str, Module], tell: Callable[[Event], None]) -> None:
    """Take a step, and tell of every event in it. Layers and parameters of other networks are left out.

    >>> from rawgan import grad, nn, ops, optim
    >>> import numpy as np
    >>> network = nn.Sequential(nn.Linear(2, 1, rng=np.random.default_rng(0)), nn.Tanh())
    >>> sgd = optim.SGD(network.parameters(), lr=0.1)
    >>> def step():
    ...     loss = ops.mean(network(np.ones((3, 2), "float32")))
    ...     sgd.step(grad(loss, sgd.parameters))
    >>> trace(step, {"generator": network}, lambda event: print(type(event).__name__, event.array.shape)
    ...     if hasattr(event, "array") else print(type(event).__name__, event.parameter))
    LayerOutput (3, 1)
    LayerOutput (3, 1)
    LayerGradient (3, 1)
    LayerGradient (3, 1)
    ParameterUpdate layer 0.w
    ParameterUpdate layer 0.b
    """
    with observing(Tracer(networks, tell)):
        step()


class Tracer(Observer):
    """Tells of the events of a step of these networks."""

    def __init__(self, networks: Mapping[str, Module], tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._layers = layer_titles(networks)
        self._parameters = {
            parameter: (network, f"layer {name}")
            for network, whole in networks.items()
            for name, parameter in whole.named_parameters()
        }
        self._ops: list[list[type]] = []
        """Types of the ops that each layer at work has called, without those of layers within it."""
        self._outputs: dict[Node, tuple[str, str]] = {}
        """Of each op whose result is a layer's output, that layer."""
        self._latest: Tensor | None = None
        """The latest output of a layer."""
        self._flowing: dict[Node, Any] = {}
        """Gradients of the walk in progress with respect to outputs of layers."""
        self._before: list[Array] = []

    # --- parts and values --------------------------------------------------------------------------------------------

    def before_part(self, part: Part) -> None:
        self._tell(PartBegins(part))

    def after_value(self, name: str, value: Tensor) -> None:
        self._tell(Value(name, _on_host(value._array)))

    # --- layers ------------------------------------------------------------------------------------------------------

    def before_layer(self, layer: Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._ops.append([])

    def after_forward(self, op: Node, array: Any) -> None:
        if self._ops:
            self._ops[-1].append(type(op))

    def after_layer(
        self, layer: Module, inputs: tuple[Any, ...], options: dict[str, Any], result: Tensor | None
    ) -> None:
        ops = self._ops.pop()
        if result is None or layer not in self._layers or result is self._latest:
            return  # a container hands on the output of the last layer within it
        self._latest = result
        network, title = self._layers[layer]
        if "slope" in options:
            slope = options["slope"]
            title = f"{title}, {f'LeakyReLU({slope:g})' if slope else 'ReLU()'}"
        if result.op is not None:
            self._outputs[result.op] = network, title
        self._tell(LayerOutput(network, title, _on_host(result._array), tuple(ops)))

    def after_backward(self, op: Node, gradients: Sequence[Any]) -> None:
        if op in self._outputs and op in self._flowing:
            self._tell(LayerGradient(*self._outputs[op], _on_host(self._flowing.pop(op))))
        for x, gradient in zip(op.recorded_inputs, gradients, strict=True):
            if gradient is not None and x.op in self._outputs:
                assert x.op is not None
                self._flowing[x.op] = self._flowing[x.op] + gradient if x.op in self._flowing else gradient

    # --- optimisers --------------------------------------------------------------------------------------------------

    def before_update(self, optimizer: Optimizer, gradients: Sequence[Tensor | None]) -> None:
        self._before = [_on_host(parameter._array).copy() for parameter in optimizer.parameters]

    def after_update(self, optimizer: Optimizer, gradients: Sequence[Tensor | None]) -> None:
        title = f"{type(optimizer).__name__}, learning rate {optimizer.lr:g}"
        rule = (type(optimizer).__doc__ or "").partition("\n")[0]
        for index, (parameter, gradient) in enumerate(zip(optimizer.parameters, gradients, strict=True)):
            if gradient is None or parameter not in self._parameters:
                continue
            network, name = self._parameters[parameter]
            moments = {moment: _on_host(arrays[index]) for moment, arrays in optimizer.state.items()}
            after = _on_host(parameter._array)
            found = _on_host(gradient._array)
            self._tell(ParameterUpdate(network, name, title, rule, found, moments, self._before[index], after))


def _on_host(array: Any) -> Array:
    return to_device(array, "cpu")
