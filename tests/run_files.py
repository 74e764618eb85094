"""What a run leaves, to be compared with what another one left."""


def files(folder):
    """All that a run leaves: bytes by name. Of the checkpoints the last one: the others depend on where it stopped."""
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in folder.path.rglob("*")
        if path.is_file() and path.name != ".lock" and path not in folder.checkpoints()[:-1]
    }
