"""Tables for the terminal."""

from rich.table import Table

from rawgan import nn
from rawgan.gan import human_bytes, human_count, layer_costs
from rawgan.tensor import Tensor


def layer_table(title: str, network: nn.Sequential, x: Tensor) -> Table:
    """Table of every layer of a network for the batch x: output shape, parameters, FLOPs, activation bytes."""
    table = Table(title=title, title_justify="left", show_footer=True)
    rows = layer_costs(network, x)
    parameters, flops, size = (
        sum(getattr(row, name) for row in rows) for name in ("parameters", "flops", "activation_bytes")
    )
    table.add_column("layer", footer="total")
    table.add_column("output", footer="")
    table.add_column("parameters", justify="right", footer=f"{parameters:,}")
    table.add_column("FLOPs", justify="right", footer=human_count(flops))
    table.add_column("activations", justify="right", footer=human_bytes(size))
    for row in rows:
        shape = " × ".join(str(n) for n in row.output)
        table.add_row(
            row.layer,
            shape,
            f"{row.parameters:,}" if row.parameters else "",
            human_count(row.flops) if row.flops else "",
            human_bytes(row.activation_bytes) if row.activation_bytes else "",
        )
    return table
