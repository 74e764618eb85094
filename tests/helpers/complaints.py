"""The message of an error that a call must raise."""

from collections.abc import Callable

import pytest


def complaint(error: type[Exception], call: Callable[[], object]) -> str:
    """The message of the error of this type that a call raises; without one, the test fails."""
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)
