"""Folders of images: the files and classes in them, whole images as squares, tiles of photographs."""
