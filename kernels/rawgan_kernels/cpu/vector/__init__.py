"""Inner loops and number formulas made of vector instructions."""
