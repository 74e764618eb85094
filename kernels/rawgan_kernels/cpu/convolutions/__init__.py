"""The two ways to convolve: the fast one for 4×4 taps and stride 2, and the general one."""
