"""PyTorch at training steps."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from bench.common.machine import resident_bytes
from bench.competitors.steps import LEARNING_RATE, NETWORKS, Steps, Way, Workload, saved_batches, saved_weights

FORMS = {  # name: the first options of TorchSteps
    "torch NCHW": (False, False),
    "torch NHWC": (True, False),
    "torch NCHW, tuned": (False, True),
    "torch NHWC, tuned": (True, True),
}
"""Memory layouts and forms of a step."""

BEST = "torch NHWC, tuned"
"""The form in which PyTorch competes at a reduced precision. In float32, it is the fastest or close to it."""


class TorchSteps(Steps):
    """The same networks in PyTorch.

    `tuned`: D's weight gradients are not computed in G's step, and Adam is PyTorch's fused one; otherwise the step is
    that of PyTorch's DCGAN example. `compiled`: both networks by torch.compile, which the first steps wait for.

    `products`: "float32"; "autocast", which stores most activations in bf16, too; or "oneDNN bf16" and "oneDNN tf32",
    by which that library rounds the factors of products, as rawgan does. Where the processor has no such units, it
    multiplies float32.
    """

    def __init__(
        self,
        task: Workload,
        folder: Path,
        channels_last: bool,
        tuned: bool,
        products: str = "float32",
        compiled: bool = False,
    ) -> None:
        import torch

        from bench.competitors import torch_networks

        torch.set_num_threads(task.threads)
        resident = resident_bytes()
        self.tuned, self.products = tuned, products
        if products.startswith("oneDNN "):
            onednn: Any = torch.backends.mkldnn
            onednn.conv.fp32_precision = onednn.matmul.fp32_precision = products.removeprefix("oneDNN ")
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.gan = torch_networks.build(
            task.model, task.image_size, task.channels, width=task.width, learning_rate=LEARNING_RATE,
            memory_format=layout, fused_adam=tuned,
        )  # fmt: skip
        for name in NETWORKS:
            network = getattr(self.gan, name)
            torch_networks.load_rawgan(network, saved_weights(folder, name))
            if compiled:
                network.compile()
        reals, noise = saved_batches(folder)
        batches = [
            (torch_networks.images_from_rawgan(real, layout), torch.from_numpy(z))
            for real, z in zip(reals, noise, strict=True)
        ]
        super().__init__(batches, resident)

    def step(self, real: Any, z: Any) -> Any:
        """Take the training step of `torch_networks`."""
        from bench.competitors.torch_networks import train_step

        return train_step(self.gan, real, z, freeze=self.tuned, forward=self._forward)

    def _forward(self) -> AbstractContextManager[Any]:
        """The context of each forward pass and its loss."""
        import torch

        return torch.autocast("cpu", torch.bfloat16) if self.products == "autocast" else nullcontext()


def torch_ways(precision: str) -> list[Way]:
    """PyTorch's ways at a precision of products."""
    if precision == "float32":
        return [Way("PyTorch", name, precision, TorchSteps, form) for name, form in FORMS.items()]
    products = [f"oneDNN {precision}", *(["autocast"] if precision == "bf16" else [])]
    return [
        Way("PyTorch", f"{BEST}, {each.split()[0]}", precision, TorchSteps, (*FORMS[BEST], each)) for each in products
    ]


def compiled(way: Way) -> Way:
    """The same way with torch.compile."""
    _, _, *products = way.options
    options = (*way.options[:2], *(products or ["float32"]), True)
    return Way(way.library, f"{way.name}, compiled", way.precision, way.make, options)
