"""Where a move happens: two regions, what the platform published there, and what a person has stated."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nautilus.ops.steps import code_of

FACTS_VERSION = 1
"""Version of the published document that this tool understands."""
UNREACHABLE = frozenset(
    {
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "ProxyConnectionError",
        "HTTPClientError",
    }
)
"""boto3's errors of a region that does not answer at all."""


class NotReadyError(Exception):
    """There is nothing to move to: the second region is not enabled, or what is published there cannot be read."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the platform published in its second region: names and ARNs, nothing secret."""

    account: str
    home: str
    region: str
    project: str
    environment: str
    replica: str | None
    database_key: str
    max_lag_seconds: int
    secrets_prefix: str
    repositories_prefix: str
    halt_parameter: str
    lease_table: str
    leases: tuple[str, ...]
    cluster: str
    services: Mapping[str, str]
    vault: str


def parse_facts(text: str) -> Facts:
    """The facts in a published document.

    Raises:
        NotReadyError: Another form, or a version that this tool does not know.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        if document["version"] != FACTS_VERSION:
            raise NotReadyError(f"the facts have version {document['version']}; this tool understands {FACTS_VERSION}")
        return Facts(
            account=document["account"],
            home=document["home"],
            region=document["region"],
            project=document["project"],
            environment=document["environment"],
            replica=document["replica"],
            database_key=document["databaseKey"],
            max_lag_seconds=int(document["maxLagSeconds"]),
            secrets_prefix=document["secretsPrefix"],
            repositories_prefix=document["repositoriesPrefix"],
            halt_parameter=document["haltParameter"],
            lease_table=document["leaseTable"],
            leases=tuple(document["leases"]),
            cluster=document["cluster"],
            services=dict(document["services"]),
            vault=document["vault"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NotReadyError(f"the facts of the second region are not of the expected form: {error}") from None


def read_facts(session: Any, region: str, path: str) -> Facts:
    """The facts under `path` (such as `/nautilus/prod/dr`) in the second region.

    Raises:
        NotReadyError: There are none: `dr.enabled` is false, or has not been brought up.
    """
    try:
        answer = session.client("ssm", region_name=region).get_parameter(Name=f"{path}/facts")
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            raise NotReadyError(f"{region} has no {path}/facts: dr.enabled is false, or was never brought up") from None
        raise
    return parse_facts(str(answer["Parameter"]["Value"]))


@dataclass(frozen=True, slots=True)
class Lost:
    """A person's word that the home region is lost. It counts only where that region does not answer."""

    evidence: str
    """What they saw, such as an event of the AWS Health dashboard; kept in the journal."""
    since: datetime
    """When it was lost, with its zone."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What people state for one run."""

    confirmed: str = ""
    """The stack's name, typed by a person. Nothing else confirms a move."""
    lost: Lost | None = None
    broker_session_gone: str = ""
    """What the broker's own page showed, and who looked; needed where the home region cannot be asked."""
    accept_loss: str = ""
    """Seconds of data whose loss is accepted, or `unknown`; empty for the settings' limit."""
    done: Mapping[str, str] = field(default_factory=dict[str, str])
    """Steps of people that are done, with what they saw."""


@dataclass(frozen=True)
class Room:
    """The two regions and the clock. `controlled` is a failback: nothing may be lost, and the home region answers."""

    session: Any
    facts: Facts
    stack: str
    takeover_project: str
    """First part of the names of the stack that takes over; differs from the present one, because names of roles are global."""
    digests: Mapping[str, str]
    """Image digests by repository, without the prefix."""
    stated: Stated = Stated()
    controlled: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    write_stack: Callable[[Mapping[str, str]], str] = lambda _values: ""
    """Writes the stack file of the region that takes over out of the snapshot's id and key; says where it stands."""
    config_dir: str = "takeover"

    @property
    def takeover_prefix(self) -> str:
        """What every name of the stack that takes over starts with."""
        return f"{self.takeover_project}-{self.facts.environment}"

    @property
    def path(self) -> str:
        """Path of everything about the second region in its parameter store."""
        return f"/{self.facts.project}/{self.facts.environment}/dr"

    def home(self, service: str) -> Any:
        """A client of the home region; gives up within seconds where the region is silent."""
        return _hasty(self.session, service, self.facts.home)

    def there(self, service: str) -> Any:
        """A client of the second region."""
        return self.session.client(service, region_name=self.facts.region)


@cache
def _config() -> Config:
    return Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


def _hasty(session: Any, service: str, region: str) -> Any:
    return session.client(service, region_name=region, config=_config())


def unreachable(error: Exception) -> bool:
    """Whether this error says that a region does not answer, rather than that it answers no."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return int(status) >= 500
    return isinstance(error, BotoCoreError) and type(error).__name__ in UNREACHABLE
