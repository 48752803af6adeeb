"""Physical names: one place that knows the prefix of a stack and AWS's length limits."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

_DIGEST = 6


def fit(full: str, limit: int) -> str:
    """`full` itself where it fits `limit` characters, else its start and a digest of the whole.

    Two long names that share a start stay apart, and the same name always shortens to the same result.

    Raises:
        ValueError: `limit` leaves no room for a readable start (below 10 characters).
    """
    if limit < _DIGEST + 4:
        raise ValueError(f"a limit of {limit} characters leaves no room for a name and its digest")
    if len(full) <= limit:
        return full
    digest = sha256(full.encode()).hexdigest()[:_DIGEST]
    return f"{full[: limit - _DIGEST - 1].rstrip('-_.')}-{digest}"


@dataclass(frozen=True)
class Names:
    """Physical names of one stack: `nautilus-<environment>-<part>-<part>`."""

    project: str
    environment: str

    @property
    def prefix(self) -> str:
        """What every name of the stack starts with."""
        return f"{self.project}-{self.environment}"

    def __call__(self, *parts: str, limit: int = 63) -> str:
        """The name of `parts`, no longer than `limit` characters (AWS's limit for the resource type)."""
        return fit("-".join((self.prefix, *parts)), limit)

    def under(self, *parts: str, limit: int = 63) -> str:
        """The same with underscores, for the few APIs that refuse hyphens (AWS Backup's restore testing)."""
        return fit("-".join((self.prefix, *parts)), limit).replace("-", "_")

    def path(self, *parts: str) -> str:
        """A slash-separated name (log groups, SSM parameters, secrets): `/nautilus/<environment>/<part>/…`."""
        return "/" + "/".join((self.project, self.environment, *parts))

    def bucket(self, *parts: str, account: str, region: str) -> str:
        """A bucket's name, unique in the world through account and region (AWS's limit: 63 characters)."""
        return fit("-".join((self.prefix, *parts, account, region)), 63)
