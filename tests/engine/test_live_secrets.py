"""No live secret in the state: what stands there is a first value, and opens nothing once its first rotation has run.

The state is the real engine's, of the whole `local` stack. What the values opened is as real as it can be here: a PostgreSQL server, the
rotation functions and the node's rotation program themselves, moto for AWS, and for ElastiCache's users a stand-in with its rules.

Runs before `test_main_job`, which takes the shared stack down; brings it up again where that has happened.
"""

from __future__ import annotations

import base64
import getpass
import gzip
import hashlib
import hmac
import importlib.util
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
import redis
from moto import mock_aws
from pg8000.exceptions import DatabaseError

from infra.plan.jobs import reconciles
from infra.plan.secrets import APP_OWNER, APP_USERS, PROXY_USER, RESTORE_USER, TIMESCALE_SECRETS, Rotator, SecretKind, SecretSpec, inventory
from infra.settings.loader import load_stack
from infra.settings.root import Settings
from lambdas.rotation.postgres import Administrator, AppLogin
from lambdas.rotation.values import SigningKey, Value
from nautilus.cli import account, engines
from nautilus.cli.app import main
from tests.conftest import ROOT
from tests.engine.conftest import Life, explain
from tests.engine.state_secrets import MARK, SECRET, VERSION, bare, generated, secret_values, unexplained
from tests.lambdas import test_rotation_origin as origin_tests
from tests.lambdas.secret import Vault
from tests.lambdas.test_rotation_cache import ElastiCache, Server, strategy
from tests.servers import postgres

pytestmark = pytest.mark.engine

State = dict[str, Any]


@pytest.fixture(scope="module")
def settings() -> Settings:
    found = load_stack("local", ROOT, today=datetime.now(UTC).date())
    assert isinstance(found, Settings)
    return found


@pytest.fixture(scope="module")
def specs(settings: Settings) -> dict[str, SecretSpec]:
    listed = inventory(
        settings.trading,
        rotation_days=settings.secrets.rotation_days,
        timescale=settings.timescale.enabled,
        migrations=settings.jobs.migrations.enabled,
        reconciliation=reconciles(settings),
    )
    return {spec.name: spec for spec in listed}


@pytest.fixture(scope="module")
def state(life: Life) -> State:
    """The export with all secrets in clear text."""
    if not life.sandbox.resources():
        again = life.sandbox.up()
        assert again.ok, explain(again)
    return life.sandbox.export(show_secrets=True)


@pytest.fixture(scope="module")
def values(state: State) -> dict[str, str]:
    """The generated values that stand in the state, by secret."""
    return generated(state)


@pytest.fixture(scope="module")
def firsts(values: Mapping[str, str], specs: Mapping[str, SecretSpec]) -> dict[str, str]:
    """What the first versions of the secrets hold."""
    return {name: specs[name].first_version(value) for name, value in values.items()}


# --- what stands in the state ----------------------------------------------------------------------------------------------


def test_every_secret_of_the_state_is_a_generated_first_value(
    state: State, firsts: Mapping[str, str], specs: Mapping[str, SecretSpec]
) -> None:
    found = list(secret_values(state))
    assert len(found) > len(firsts), "each value stands in its generator, its version and what it opens"
    assert unexplained(state, firsts) == []
    assert set(firsts) == {name for name, spec in specs.items() if spec.kind is SecretKind.GENERATED}


def test_no_generated_value_stands_there_in_clear_text(state: State, values: Mapping[str, str], life: Life) -> None:
    clear = bare(state)
    assert [name for name, value in values.items() if value in clear] == []
    hidden = json.dumps(life.sandbox.export())
    assert [name for name, value in values.items() if value in hidden] == []


def test_the_search_finds_what_it_looks_for(state: State, firsts: Mapping[str, str]) -> None:
    """The opposite: a broker's key in the state, as a secret or in clear text, and one that hides among others."""
    canary = "canary-7d1f4b9a20c5"
    marked = {MARK: SECRET, "plaintext": json.dumps(canary)}
    for type_, value, seen in (
        (VERSION, {"secretString": marked}, True),
        ("aws:rds/instance:Instance", {"password": {MARK: SECRET, "plaintext": json.dumps([canary])}}, True),
        ("aws:elasticache/user:User", {"passwords": {MARK: SECRET, "plaintext": json.dumps([canary])}}, True),
        ("aws:ssm/parameter:Parameter", {"value": canary}, False),
    ):
        extra = {"urn": f"urn:pulumi:local::x::{type_}::planted", "inputs": value, "outputs": {}}
        planted = {"deployment": {"resources": [*state["deployment"]["resources"], extra]}}
        assert [one.urn for one in unexplained(planted, firsts)] == ([extra["urn"]] if seen else [])
        assert (canary in bare(planted)) is not seen
    with pytest.raises(ValueError, match="--show-secrets"):
        list(secret_values({"deployment": {"resources": [{"urn": "a::b::c::d", "inputs": {"x": {MARK: SECRET, "ciphertext": "v1"}}}]}}))


def texts_of(user_data: str) -> str:
    """User data and what is packed in it."""

    def unpacked(text: str) -> str:
        try:
            raw = base64.b64decode(text, validate=True)
        except ValueError:
            return ""
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        return raw.decode(errors="replace")

    outer = unpacked(user_data) or user_data
    return outer + "".join(unpacked(blob) for blob in re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", outer))


def test_everything_generated_is_rotated_by_somebody(state: State, specs: Mapping[str, SecretSpec]) -> None:
    resources = state["deployment"]["resources"]
    arns = {
        item["outputs"]["arn"]: item["urn"].rpartition("::")[2].removeprefix("secrets-")
        for item in resources
        if item["type"].endswith(":Secret")
    }
    scheduled = {arns[item["outputs"]["secretId"]] for item in resources if item["type"].endswith(":SecretRotation")}
    assert scheduled == {name for name, spec in specs.items() if spec.rotator.by_function}
    for item in resources:
        if item["type"].endswith(":SecretRotation"):
            assert item["inputs"]["rotationRules"]["scheduleExpression"]
    along = {name for name, spec in specs.items() if spec.rotator is Rotator.ORIGIN_PREVIOUS}
    writers = [
        json.dumps(item["inputs"]["environment"]["variables"])
        for item in resources
        if item["type"] == "aws:lambda/function:Function" and item["inputs"].get("environment")
    ]
    for name in along:
        arn = next(arn for arn, owner in arns.items() if owner == name)
        assert any(arn in text and '"origin-header"' in text for text in writers)
    nodes = {name for name, spec in specs.items() if spec.rotator is Rotator.NODE}
    assert nodes == set(TIMESCALE_SECRETS)
    machines = [item["inputs"]["userData"] for item in resources if item["type"] == "aws:ec2/launchTemplate:LaunchTemplate"]
    assert machines
    assert all("nautilus-rotate.timer" in texts_of(data) for data in machines)


def test_nothing_gives_a_filled_container_a_value(state: State, specs: Mapping[str, SecretSpec]) -> None:
    resources = state["deployment"]["resources"]
    filled = {
        item["outputs"]["arn"]
        for item in resources
        if item["type"].endswith(":Secret") and specs[item["urn"].rpartition("::")[2].removeprefix("secrets-")].kind is SecretKind.FILLED
    }
    assert len(filled) == sum(spec.kind is SecretKind.FILLED for spec in specs.values())
    given = {item["outputs"].get("secretId") for item in resources if item["type"] == VERSION}
    assert not filled & given
    assert given


# --- what people fill never gets there --------------------------------------------------------------------------------------


class Outputs:
    """The stack's engine, for commands that only read its outputs."""

    simulated = False

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        return self._values


CANARIES = {
    "binance-api-key": "Canary9b1" + "Bz4" * 18 + "q",
    "binance-api-secret-key": "Canary9b2" + "Cy5" * 18 + "r",
    "ib-username": "canary9b3login",
    "ib-password": "canary-9b4-Pw0rd",
    "quiver-quant-api-key": "canary-9b5-0f3a77",
    "ib-flex-token": "40961123877716021577",
}


def test_values_that_people_put_reach_secrets_manager_and_nothing_of_the_engine(
    life: Life, state: State, specs: Mapping[str, SecretSpec], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.chdir(ROOT)
    number = load_stack("paper", ROOT, today=datetime.now(UTC).date()).account.id
    with mock_aws():
        session = boto3.Session(region_name="us-east-1")
        client: Any = session.client("secretsmanager")
        arns: dict[str, str] = {}
        for name in CANARIES:
            said = {"RotatedBy": "person", "RotationDays": "30", "Owner": specs[name].owner, "Consumers": "engine"}
            tags = [{"Key": key, "Value": value} for key, value in said.items()]
            arns[name] = client.create_secret(Name=f"nautilus/paper/{name}", Tags=tags)["ARN"]
        monkeypatch.setattr(account, "aws_session", lambda _region: session)
        monkeypatch.setattr(account, "identity", lambda _session: account.Identity(number, "arn:aws:iam::1:user/jane"))
        monkeypatch.setattr(engines, "open_engine", lambda *_, **__: Outputs({"secretArns": arns}))
        monkeypatch.setattr(getpass, "getpass", lambda *_: pytest.fail("a pipe is read, nobody is asked"))
        for name, canary in CANARIES.items():
            monkeypatch.setattr(sys, "stdin", io.StringIO(canary))
            code = main(["secrets", "put", name, "--stdin", "--stack", "paper"])
            shown = capsys.readouterr()
            assert code == 0, shown.err
            assert client.get_secret_value(SecretId=arns[name])["SecretString"] == canary
            assert canary not in shown.out + shown.err
    # The engine looks at everything again, and writes down what it saw.
    result = life.sandbox.refresh()
    assert result.ok, explain(result)
    export = json.dumps(life.sandbox.export(show_secrets=True))
    assert [name for name, canary in CANARIES.items() if canary in export] == []
    held = dict.fromkeys(CANARIES, 0)
    looked = 0
    control = state["deployment"]["resources"][-1]["urn"].encode()
    seen = False
    for file in life.sandbox.workspace.root.rglob("*"):
        if file.is_file():
            looked += 1
            data = file.read_bytes()
            seen |= control in data
            for name, canary in CANARIES.items():
                held[name] += canary.encode() in data
    assert looked > 3, "checkpoint, store, event log and output at least"
    assert seen, "the search reads what the engine wrote"
    assert not any(held.values()), held


# --- what stands there opens nothing after the first rotation -----------------------------------------------------------------


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


PROVED: set[str] = set()
"""Secrets of which a test of this file shows that their first value opens nothing. Known when the file is read, whichever worker runs what."""


def proves(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Says of which secrets a test is the proof."""
    PROVED.update(names)
    return lambda test: test


REFUSED = {"28000", "28P01"}
"""SQLSTATE of a login that PostgreSQL refuses; any other trouble would prove nothing."""


def run_sql(server: Any, statement: str, user: str | None = None, password: str | None = None, database: str = "postgres") -> None:
    """One statement in a session of its own."""
    with closing(server.connect(user, password, database)) as session:
        session.run(statement)


def opens(server: Any, user: str, password: str, database: str) -> bool:
    try:
        server.connect(user, password, database).close()
    except DatabaseError as refusal:
        assert refusal.args[0]["C"] in REFUSED  # noqa: PT017 (any other refusal is a failure)
        return False
    return True


@proves("database-app-login", "database-password")
def test_postgresqls_administrator_and_application(aws: None, values: Mapping[str, str], firsts: Mapping[str, str]) -> None:
    admin, app = values["database-password"], values["database-app-login"]
    with postgres(user="nautilus_admin", password=admin) as server:
        run_sql(server, "CREATE DATABASE nautilus")
        for user in APP_USERS:
            # As if somebody had made the roles with what stands in the state.
            run_sql(server, f"CREATE ROLE {user} LOGIN PASSWORD '{app}'")
        assert opens(server, "nautilus_admin", admin, "nautilus")
        assert all(opens(server, user, app, "nautilus") for user in APP_USERS)

        def connect(user: str, password: str) -> Any:
            return server.connect(user, password, "nautilus")

        administrator = Vault(admin, "nautilus/local/database-password")
        login = Vault(firsts["database-app-login"], "nautilus/local/database-app-login")
        environment = {
            "DATABASE": "nautilus",
            "LENGTH": "48",
            "SPECIAL": "-_.~",
            "USERNAME": "nautilus_admin",
            "ADMINISTRATOR": "nautilus_admin",
            "ADMINISTRATOR_SECRET": administrator.arn,
            "USERNAMES": ",".join(APP_USERS),
            "OWNER": APP_OWNER,
            "PROXY_USER": PROXY_USER,
            "READER": RESTORE_USER,
        }
        now = json.loads(login.rotate(AppLogin(environment, connect, login.client)))
        assert opens(server, now["username"], now["password"], "nautilus")
        new = administrator.rotate(Administrator(environment, connect))
        assert opens(server, "nautilus_admin", new, "nautilus")
        assert not opens(server, "nautilus_admin", admin, "nautilus")
        assert not opens(server, now["username"], app, "nautilus")


def test_the_applications_first_login_is_no_role_at_all(aws: None, values: Mapping[str, str], firsts: Mapping[str, str]) -> None:
    """As it really goes: nobody makes a role with the state's password, and the first rotation makes both without it."""
    admin, app = values["database-password"], values["database-app-login"]
    with postgres(user="nautilus_admin", password=admin) as server:
        run_sql(server, "CREATE DATABASE nautilus")
        administrator = Vault(admin, "nautilus/local/database-password")
        login = Vault(firsts["database-app-login"], "nautilus/local/database-app-login")
        environment = {
            "DATABASE": "nautilus",
            "LENGTH": "48",
            "ADMINISTRATOR": "nautilus_admin",
            "ADMINISTRATOR_SECRET": administrator.arn,
            "USERNAMES": ",".join(APP_USERS),
            "OWNER": APP_OWNER,
            "PROXY_USER": PROXY_USER,
            "READER": RESTORE_USER,
        }
        login.rotate(AppLogin(environment, lambda user, password: server.connect(user, password, "nautilus"), login.client))
        for user in (*APP_USERS, APP_OWNER, PROXY_USER, RESTORE_USER):
            assert not opens(server, user, app, "nautilus")


@proves("cache-backend-password", "cache-engine-password")
@pytest.mark.parametrize("role", ["backend", "engine"])
def test_users_of_the_cache(aws: None, values: Mapping[str, str], role: str) -> None:
    first = values[f"cache-{role}-password"]
    users = ElastiCache(first)
    assert Server(users).connect("backend", first).ping()
    new = Vault(first).rotate(strategy(users))
    assert Server(users).connect("backend", new).ping()
    with pytest.raises(redis.AuthenticationError):
        Server(users).connect("backend", first).ping()


def accepted(secret: str, token: str, signature: bytes, now: datetime) -> bool:
    """Whether a backend that started with this secret takes a token: current key, or the previous one until its time is over."""
    found = json.loads(secret)
    until = datetime.fromisoformat(found["previous_until"].replace("Z", "+00:00"))
    keys = [found["current"], *([found["previous"]] if found["previous"] and now < until else [])]
    return any(hmac.compare_digest(hmac.new(key.encode(), token.encode(), hashlib.sha256).digest(), signature) for key in keys)


@proves("jwt-signing-key")
def test_sessions_signed_with_the_first_key(aws: None, values: Mapping[str, str], firsts: Mapping[str, str]) -> None:
    def signed(key: str) -> bytes:
        return hmac.new(key.encode(), b"header.payload", hashlib.sha256).digest()

    now = datetime.now(UTC)
    forged = signed(values["jwt-signing-key"])
    assert accepted(firsts["jwt-signing-key"], "header.payload", forged, now)
    vault = Vault(firsts["jwt-signing-key"])
    environment = {"SESSION_MINUTES": "30", "RESTART_MINUTES": "120"}
    second = vault.rotate(SigningKey(environment))
    assert not accepted(second, "header.payload", forged, now)
    assert accepted(second, "header.payload", signed(json.loads(second)["current"]), now)
    third = vault.rotate(SigningKey(environment))
    assert accepted(third, "header.payload", signed(json.loads(second)["current"]), now), "later keys are kept for a session's length"


@proves("grafana-admin-password", "prometheus-password")
@pytest.mark.parametrize("name", ["grafana-admin-password", "prometheus-password"])
def test_values_that_are_only_compared(aws: None, values: Mapping[str, str], name: str) -> None:
    vault = Vault(values[name])
    new = vault.rotate(Value({"LENGTH": str(len(values[name])), "SPECIAL": "-_.~"}))
    assert new != values[name]
    assert vault.value() == new


@proves("origin-header-previous", "origin-header-value")
def test_the_origins_header(aws: None, values: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    first, before = values["origin-header-value"], values["origin-header-previous"]
    monkeypatch.setattr(origin_tests, "FIRST", first)
    monkeypatch.setattr(origin_tests, "BEFORE", before)
    edge = origin_tests.Edge()
    assert all({first, before} <= set(rule) for rule in edge.values())
    edge.current.rotate(edge.strategy)
    assert not any({first, before} & set(rule) for rule in edge.values())
    assert edge.sent() not in {first, before}
    assert {edge.current.value(), edge.previous.value()}.isdisjoint({first, before})


def test_the_origins_header_before_there_is_an_edge(aws: None, values: Mapping[str, str]) -> None:
    current = Vault(values["origin-header-value"], "nautilus/local/origin-header-value")
    previous = Vault(values["origin-header-previous"], "nautilus/local/origin-header-previous")
    clients = {"cloudfront": None, "elbv2": None, "secretsmanager": current.client}
    current.rotate(origin_tests.OriginHeader({"HEADER": "X", "LENGTH": "48", "PREVIOUS_SECRET": previous.arn}, clients))
    stood = {values["origin-header-value"], values["origin-header-previous"]}
    assert {current.value(), previous.value()}.isdisjoint(stood)


# --- TimescaleDB's own rotation, by the program that runs on its nodes --------------------------------------------------------


def node_program() -> ModuleType:
    """The program of the node."""
    spec = importlib.util.spec_from_file_location("nautilus_rotate", ROOT / "infra/timescale/rotate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Node:
    """What the program runs on a node: AWS's command line on moto, and psql on a real server."""

    def __init__(self, server: Any, inside: Any, vaults: Mapping[str, Vault]) -> None:
        self.server, self.inside = server, inside
        self.client = next(iter(vaults.values())).client
        self.told: list[str] = []
        self.refreshed = 0

    def run(self, *command: str, text: str = "", more: dict[str, str] | None = None) -> str:
        """A command of the node."""
        if command == ("nautilus-refresh",):
            self.refreshed += 1
            return ""
        if command[0] == "aws":
            options = dict(zip(command[3::2], command[4::2], strict=True))
            return json.dumps(self.aws(command[2], options, text), default=str)
        assert command[:2] == ("docker", "exec"), command
        if "PGPASSWORD" in command:
            where = dict(part.split("=", 1) for part in command[-1].split())
            run_sql(self.server, text, where["user"], (more or {})["PGPASSWORD"], where["dbname"])
            return "1\n"
        # In the container the superuser comes in by the socket, without a password.
        for statement in text.split(";"):
            if statement.strip():
                self.inside.run(statement)
        return ""

    def aws(self, verb: str, options: Mapping[str, str], text: str) -> Any:
        """AWS's answer."""
        if verb == "put-events":
            self.told.append(json.loads(json.loads(options["--entries"])[0]["Detail"])["secret"])
            return {"FailedEntryCount": 0}
        secret = options["--secret-id"]
        if verb == "list-secret-version-ids":
            versions = self.client.list_secret_version_ids(SecretId=secret)["Versions"]
            return {"Versions": [{**one, "CreatedDate": one["CreatedDate"].isoformat()} for one in versions]}
        if verb == "put-secret-value":
            assert options["--secret-string"] == "file:///dev/stdin"
            return self.client.put_secret_value(SecretId=secret, SecretString=text, VersionStages=[options["--version-stages"]])
        if verb == "get-secret-value":
            return self.client.get_secret_value(SecretId=secret, VersionId=options["--version-id"])
        assert verb == "update-secret-version-stage", verb
        moved = {"MoveToVersionId": options.get("--move-to-version-id"), "RemoveFromVersionId": options.get("--remove-from-version-id")}
        given = {key: value for key, value in moved.items() if value}
        return self.client.update_secret_version_stage(SecretId=secret, VersionStage=options["--version-stage"], **given)


ROLES = {
    "timescale-superuser-password": ("postgres", "postgres"),
    "timescale-replication-password": ("replicator", "postgres"),
    "timescale-market-password": ("market", "market"),
}
VARIABLES = {
    "timescale-superuser-password": "SUPERUSER_SECRET",
    "timescale-replication-password": "REPLICATION_SECRET",
    "timescale-rest-password": "REST_SECRET",
    "timescale-market-password": "MARKET_SECRET",
}


@proves(*TIMESCALE_SECRETS)
def test_timescales_four_passwords(aws: None, values: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUN_FOLDER", str(tmp_path))
    assert set(VARIABLES) == set(TIMESCALE_SECRETS)
    vaults = {name: Vault(values[name], f"nautilus/local/{name}") for name in TIMESCALE_SECRETS}
    superuser = values["timescale-superuser-password"]
    with postgres(user="postgres", password=superuser) as server:
        inside = server.connect(password=superuser)
        inside.run("CREATE DATABASE market")
        inside.run(f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{values['timescale-replication-password']}'")
        inside.run(f"CREATE ROLE market LOGIN PASSWORD '{values['timescale-market-password']}'")
        for name, (role, database) in ROLES.items():
            assert opens(server, role, values[name], database)
        node, program = Node(server, inside, vaults), node_program()
        monkeypatch.setattr(program, "run", node.run)
        monkeypatch.setattr(program, "leads", lambda: True)
        where = {"AWS_DEFAULT_REGION": "us-east-1", **{VARIABLES[name]: vault.arn for name, vault in vaults.items()}}
        monkeypatch.setattr(program, "environment", lambda: where)
        assert program.main(["--now"]) == 0
        for name, (role, database) in ROLES.items():
            assert opens(server, role, vaults[name].value(), database)
            assert not opens(server, role, values[name], database), f"{name}: what stands in the state still opens"
        assert vaults["timescale-rest-password"].value() != values["timescale-rest-password"]
        assert sorted(node.told) == sorted(vault.arn for vault in vaults.values())
        assert node.refreshed == 1, "Patroni's interface takes the new password from the secret"
        inside.close()


def test_all_of_them_have_been_proved(values: Mapping[str, str]) -> None:
    """A secret that is new in the inventory needs a proof of its own."""
    assert set(values) == PROVED


def test_helpers_read_user_data_as_nodes_get_it(tmp_path: Path) -> None:
    inner = base64.b64encode(gzip.compress(b"nautilus-rotate.timer " * 9)).decode()
    packed = base64.b64encode(f"write_files: [{inner}]".encode()).decode()
    assert "nautilus-rotate.timer" in texts_of(packed)
    assert "nautilus-rotate.timer" not in texts_of(base64.b64encode(b"nothing").decode())
