"""Faults of the inspection of a training step."""

from fault import Fault

FAULTS = [
    Fault(
        "tracer: of a layer that is used twice, the last gradient wins",
        "Tracer.after_backward",
        "self._flowing[x.op] + gradient if x.op in self._flowing else gradient",
        "gradient",
        "test_tracer.py -k those_of_the_engine",
    ),
    Fault(
        "tracer: a container tells of the output of its last layer once more",
        "Tracer.after_layer",
        "or result is self._latest",
        "",
        "test_tracer.py -k those_of_the_engine",
    ),
    Fault(
        "tracer: the weights before an update are those after it",
        "Tracer.before_update",
        "_on_host(parameter._array).copy()",
        "_on_host(parameter._array)",
        "test_tracer.py -k numbers_of_the_optimiser",
    ),
    Fault(
        "tracer: a step moves a weight",
        "Tracer.after_update",
        "after = _on_host(parameter._array)",
        "after = _on_host(parameter._array); after += 1e-3",
        "test_tracer.py -k bit_identical",
    ),
    Fault(
        "discriminator_step: its update does not say that it begins",
        "discriminator_step",
        "begin(D4)\n    gan.d_optimizer.step(",
        "gan.d_optimizer.step(",
        "test_tracer.py -k order_of_the_tutorial",
    ),
    Fault(
        "walk: observers are told of gradients without their places",
        "_step_back",
        "[None if gx is None else gx._array for gx in gxs]",
        "[gx._array for gx in gxs if gx is not None]",
        "test_observers.py -k order_of_the_work",
    ),
    Fault(
        "summary: small parts of a histogram vanish",
        "Summary.bars",
        "-(-(len(BARS) - 1) * count // most)",
        "(len(BARS) - 1) * count // most",
        "test_summary.py -k has_a_bar",
    ),
    Fault(
        "summary: each map has a scale of its own",
        "maps_of",
        "out=np.zeros_like(maps)).max()",
        "out=np.zeros_like(maps)).max((1, 2, 3), keepdims=True) + 1e-30",
        "test_summary.py -k one_scale",
    ),
    Fault(
        "rawgan step: takes the step that was taken last",
        "trainer_of",
        "checkpoint=checkpoint)",
        "checkpoint=None)",
        "test_step_command.py -k takes_next",
    ),
]
