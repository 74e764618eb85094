"""Sources and targets of translation models: pairs, degraded images, images in another style."""
