"""Tasks that can be trained: images out of noise, out of paired images, out of unpaired ones."""
