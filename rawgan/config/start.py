"""Options about the weights that training begins with."""

import dataclasses
import re
from typing import Annotated

from rawgan.config.options import Group, Hidden, Named, Word
from rawgan.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class StartOptions(Group):
    """Weights to begin with."""

    place: Annotated[str | None, Named("init"), Word("RUN")] = None
    """Begin with the weights of another run: a run folder, whose latest checkpoint is taken, or a checkpoint file, such
    as its best.safetensors. Layers of the same name and shape take their weights; all others, and the optimisers, begin
    anew. Unset: random weights."""
    digest: Annotated[str | None, Named("init_digest"), Hidden()] = None
    """Digest of those weights."""

    def check(self) -> None:
        super().check()
        if self.digest is not None and self.place is None:
            raise ArgumentError("init_digest has no effect without init; leave it out")
        if self.place is not None and (not self.place or re.search(r"[\0\ud800-\udfff]", self.place)):
            raise ArgumentError(f"init must be the path of a run folder or a checkpoint, but is {self.place!r}")
