"""Gains of layers: sizes of outputs relative to inputs, forwards and backwards."""

MOST_GAIN = 300.0
"""Healthy limit for a single layer, up or down. Healthy: from 0.02 to 9."""
GAINS = {
    "gain": "size of the output, relative to the input",
    "gradient_gain": "size of the gradient, going back",
}
"""Figures of a layer, in words, by the name that the probe has for them."""
