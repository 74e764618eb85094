"""Files of images, whoever made them: formats of Pillow, NumPy arrays, IDX."""
