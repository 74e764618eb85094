"""Faults of products in bf16: packing, phases of a gradient, instructions, what is not finite."""

from fault import Fault

FAULTS = [
    Fault(
        "tiles: the second rows of a are multiplied by the first columns of b alone",
        "matrix_units.tiles:multiply",
        "product(unit, 3, 5, 7)",
        "product(unit, 3, 5, 6)",
        "test_tile_instructions.py -k emulated",
    ),
    Fault(
        "tiles: two operands of an instruction are exchanged",
        "matrix_units.instructions:_operation",
        "return _instruction(context, builder, name, [I8(tile.literal_value) for tile in tiles])",
        "return _instruction(context, builder, name, [I8(tile.literal_value) for tile in tiles[:1] + tiles[:0:-1]])",
        "test_tile_instructions.py -k carried_out",
    ),
    Fault(
        "lanes: the even product is added before the odd one",
        "_emulated_dot",
        "for half in (_upper, _lower)",
        "for half in (_lower, _upper)",
        "test_tile_instructions.py -k emulated",
    ),
    Fault(
        "bf16: ties are rounded up",
        "matrix_units.rounding:_rounded",
        "builder.add(odd, kind.of(0x7FFF))",
        "kind.of(0x8000)",
        "test_matrix_units.py -k ties",
    ),
    Fault(
        "bf16: the rest of a window's row is what was there before",
        "window_rows",
        "clear(shifted(to, at), chunk[3] - at)",
        "pass",
        "test_matrix_units.py -k used_memory",
    ),
    Fault(
        "bf16: phases of a gradient see their taps in the order of the convolution",
        "matrix_units.plans:backward",
        "furthest - distance",
        "distance",
        "test_matrix_units.py -k fit_together",
    ),
    Fault(
        "bf16: infinite weights are multiplied by the zeros around a gradient",
        "matrix_units.convolution:conv2d_input_grad",
        "if not is_finite:",
        "if False:",
        "test_matrix_units.py -k belongs and w-inf and amx",
    ),
    Fault(
        "bf16: the fast convolution of float32 is forgotten in the choice",
        "matrix_units.choice:_saving",
        "return FAST if winograd.applies(window, channels, outputs, NUMBER) else 1.0",
        "return 1.0",
        "test_matrix_units.py -k chosen",
    ),
]
