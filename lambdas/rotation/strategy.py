"""What one kind of secret does at each of the four steps of a rotation. The steps themselves are handler.py's."""

from __future__ import annotations

from typing import Protocol


class Strategy(Protocol):
    """One kind of secret. Every method may be called again after a crash in the middle of it, and must then end in the same state."""

    def new(self, current: str, first: bool) -> str:
        """The value of the pending version.

        Args:
            current: What the secret holds now.
            first: No rotation has run before: `current` is the value with which the stack was made, and it stands in its state.
        """
        ...

    def set(self, current: str, pending: str, previous: str | None) -> None:
        """Make whatever the secret opens accept `pending`. Consumers still use `current`, so that one must go on opening it.

        Args:
            current: What the secret holds now.
            pending: What it is about to hold.
            previous: What it held before `current`; None before the first rotation.
        """
        ...

    def test(self, pending: str) -> None:
        """Open with `pending` what the secret opens.

        Raises:
            Exception: It does not open.
        """
        ...

    def finished(self, value: str) -> None:
        """The secret now holds `value` (AWSCURRENT has moved): close what only older values opened, as far as no consumer uses them."""
        ...
