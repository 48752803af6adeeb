"""The handbook tells the truth: pages that alarms name, generated tables, and every command, output and physical name on the pages.

`python -m tests.test_docs` writes the generated tables again.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import botocore.session
import pytest
import typer
from botocore import xform_name

from infra.outputs import schema
from infra.plan import alarms as plan
from infra.plan import environment, rotation
from infra.plan.alarms import AlarmSpec, Comparison, Metric, Missing, Target
from infra.plan.backup_calendar import LONGEST_AGE_DAYS
from infra.plan.egress import venue_ports
from infra.plan.endpoint_policies import INTERFACES
from infra.plan.flows import flows
from infra.plan.gateway import gateway_environment
from infra.plan.operations import OPERATIONS, Cadence, calendar
from infra.plan.secrets import inventory
from infra.settings.dr import Dr
from infra.settings.egress import Egress
from infra.settings.operations import Alarms
from infra.settings.queues import Queue
from infra.settings.root import Settings
from nautilus.cli.app import app
from nautilus.cli.outputs import variable
from nautilus.inventory import from_mocks
from nautilus.inventory.cost import break_even, profiles
from nautilus.inventory.matrix import markdown, matrix
from nautilus.inventory.network import read
from nautilus.inventory.picture import picture
from nautilus.inventory.prices import load as load_prices
from tests.conftest import changed, stack, synthesised
from tests.inventory.networks import recorded

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
RUNBOOKS = DOCS / "runbooks"
INDEX = RUNBOOKS / "README.md"
PAGES = tuple(sorted(DOCS.rglob("*.md")))
GIB = 1024**3

# --- generated tables -------------------------------------------------------------------------------------------------------


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def flow_table() -> str:
    """Every permitted connection of a platform that trades live, with its own VPC, TimescaleDB and endpoints."""
    found = flows(
        gateway_port=4003,
        timescale=True,
        interface_endpoints=True,
        s3_endpoint=True,
        vpn=True,
        proxy=True,
        rotation=True,
        restore_check=True,
        rollout_hook=True,
        migrations=True,
        reconciliation=True,
        venue_ports=venue_ports(Egress()),
    )
    ports = {flow: str(flow.port) if flow.last_port is None else f"{flow.port} to {flow.last_port}" for flow in found}
    return table(("from", "to", "port", "why"), [(flow.source, flow.target, ports[flow], flow.why) for flow in found])


def sample_settings() -> Settings:
    """Production's settings with every default, for the values on the pages."""
    return Settings.model_validate(
        {
            "platform": {"environment": "prod", "owner": "trading-platform"},
            "account": {"id": "123456789012"},
            "network": {"cidr": "10.40.0.0/16"},
            "edge": {"dns": {"domain": "trading.example.com"}},
            "trading": {"mode": "live", "acknowledgeLiveTrading": "orders from this stack move real money"},
        }
    )


def environment_table() -> str:
    """Plain variables by container."""
    settings = sample_settings()
    addresses = {
        "postgres": "output `postgresAddress`",
        "postgres-reader": "output `postgresReaderAddress`",
        "postgres-proxy": "output `postgresProxyAddress`",
        "cache": "output `cachePrimaryAddress`",
        "timescale": "output `timescaleWriterAddress`",
    }
    lease = "output `leaseTable`"
    containers: dict[str, dict[str, Any]] = {
        "backend": environment.backend(settings, addresses),
        "frontend": environment.frontend(settings),
        "engine": environment.engine(settings, addresses),
        "ib-gateway": gateway_environment(settings.trading),
    }
    known = {*addresses.values(), lease}
    cells: dict[tuple[str, str], list[str]] = {}
    for container, variables in containers.items():
        for name, value in variables.items():
            cells.setdefault((name, str(value) if value in known else f"`{value}`"), []).append(container)
    rows = [(f"`{name}`", ", ".join(users), value) for (name, value), users in sorted(cells.items())]
    return table(("variable", "containers", "value"), rows)


def secret_table() -> str:
    """The inventory of secrets of a stack that trades live."""
    specs = inventory(sample_settings().trading)
    rows = [
        (
            f"`{spec.name}`",
            spec.kind,
            ", ".join(f"`{name}`" for name in spec.variables) or "–",
            ", ".join(sorted(spec.consumers)) or "people",
            spec.owner,
            spec.description,
        )
        for spec in specs
    ]
    return table(("secret", "kind", "variable", "read by", "owner", "opens"), rows)


def rotation_table() -> str:
    """Who changes which secret, and who may read its value."""
    specs = inventory(sample_settings().trading)
    names = {
        "function": "Sundays, by its function",
        "node": "Sundays, by the leader node",
        "origin-previous": "Sundays, with `origin-header-value`",
        "person": "a person, every 30 days",
    }
    rows = [
        (
            f"`{spec.name}`",
            spec.owner,
            names["function" if spec.rotator.by_function else spec.rotator.value],
            ", ".join(f"`{name}`" for name in rotation.readers(spec, specs)) or "people",
        )
        for spec in specs
    ]
    return table(("secret", "owner", "changed", "its value is read by"), rows)


OPTIONAL_ALARMS = (
    plan.vpn_alarms(endpoint="e"),
    plan.certificate_alarms("vpn", certificate=Target("certificate")),
    plan.dnssec_alarms(zone=Target("zone")),
    plan.ddos_alarms(resources={"cdn": Target("c"), "dns": Target("z")}),
    plan.replica_alarms(replica="r", max_lag_seconds=Dr().max_lag_seconds),
)
"""Alarms of what `local` does without."""


def operation_alarms(settings: Settings) -> tuple[tuple[AlarmSpec, ...], ...]:
    """Queues, schedules and images."""
    jobs, operations = settings.queues.jobs, settings.schedules
    return (
        plan.queue_alarms("jobs", queue="q", dead="d", oldest_seconds=jobs.oldest_seconds, most_messages=jobs.most_messages),
        plan.queue_alarms(
            "operations",
            queue="q",
            dead="d",
            oldest_seconds=operations.handled_hours * 3600,
            most_messages=Queue().most_messages,
            what="A recurring operation",
            seeds=("OTE-127", "OTE-130", "DTO-134"),
            runbook="schedules",
        ),
        *(
            plan.schedule_alarms(
                cadence.value,
                group="g",
                daily=sum(one.cadence is Cadence.DAILY for one in OPERATIONS) if cadence is Cadence.DAILY else None,
            )
            for cadence in Cadence
        ),
        plan.function_alarms(
            "operations",
            function="f",
            why="The function that works on recurring operations fails: nobody looks at health and backups by schedule.",
            seeds=("OTE-127", "OTE-130"),
            runbook="schedules",
        ),
        plan.registry_alarms(rules={"enhanced": "e", "scan": "s"}),
    )


def sample_alarms() -> tuple[AlarmSpec, ...]:
    """Every kind of alarm with the settings' defaults; one of each numbered kind, and one service for all."""
    limits, settings = Alarms(), sample_settings()
    blue, green, balancer = Target("blue"), Target("green"), Target("balancer")
    web = partial(plan.web_alarms, load_balancer=balancer, blue=blue, green=green, thresholds=limits)
    rollout = partial(plan.rollout_alarms, load_balancer=balancer, blue=blue, green=green, thresholds=limits)
    return plan.table(
        plan.service_alarms("SERVICE", cluster="c", service="s", thresholds=limits),
        web("backend"),
        web("frontend", critical=False),
        rollout("backend"),
        rollout("frontend"),
        plan.singleton_alarms("engine", cluster="c", service="s"),
        plan.singleton_alarms("ib-gateway", cluster="c", service="s"),
        plan.singleton_alarms("ib-gateway-standby", cluster="c", service="s", standby=True),
        plan.lease_alarms("engine", namespace=plan.custom_namespace("nautilus-<stack>")),
        plan.lease_alarms("ib-gateway", namespace=plan.custom_namespace("nautilus-<stack>")),
        plan.gateway_alarms(namespace=plan.custom_namespace("nautilus-<stack>")),
        plan.function_alarms("rollout-hook", function="f", why="The function that holds rollouts fails: deployments roll back."),
        plan.function_alarms(
            "config-backup",
            function="f",
            why="The function that copies what was configured fails: a lost configuration cannot be brought back.",
        ),
        *(plan.rotation_alarms(key, function="f") for key in (*rotation.by_function(inventory(settings.trading)), "restart-consumers")),
        plan.postgres_alarms(
            instance="primary",
            replicas=["replica"],
            instance_class=settings.postgres.instance_class,
            storage_gb=settings.postgres.storage_gb,
            max_connections=settings.postgres.max_connections,
            thresholds=limits,
            namespace=plan.custom_namespace("nautilus-<stack>"),
            in_use=True,
        ),
        plan.proxy_alarms(proxy="p", most=400),
        plan.cache_alarms(members=["m"], thresholds=limits),
        plan.timescale_alarms(
            groups=["g"],
            thresholds=limits,
            namespace=plan.custom_namespace("nautilus-<stack>"),
            balancer=balancer,
            writer=Target("writer"),
        ),
        plan.backup_alarms(vault="v"),
        plan.restore_alarms(
            namespace=plan.custom_namespace("nautilus-<stack>"),
            rto_minutes=settings.backup.restore_test.rto_minutes,
            rpo_minutes=settings.backup.restore_test.rpo_minutes,
            age_days=LONGEST_AGE_DAYS,
            functions={"restore-testing": "f", "restore-compare": "g"},
        ),
        plan.config_backup_alarms(namespace=plan.custom_namespace("nautilus-<stack>")),
        plan.archive_alarms(source="s", target="t"),
        plan.archive_source_alarms(source="s", target="t"),
        plan.certificate_alarms("origin", certificate=Target("certificate")),
        plan.certificate_alarms("cdn", certificate=Target("certificate")),
        plan.nat_alarms(gateways=["n"]),
        plan.broker_alarms(namespace=plan.custom_namespace("nautilus-<stack>")),
        plan.reconciliation_alarms(namespace=plan.custom_namespace("nautilus-<stack>"), queue="q"),
        plan.origin_alarms(load_balancer=balancer),
        plan.uptime_alarms(checks={"health": Target("h"), "site": Target("s")}),
        *operation_alarms(settings),
        *OPTIONAL_ALARMS,
    )


def numberless(text: str) -> str:
    """An alarm's key or sentence for any number: `cache-cpu-1` and `Member 1 of` become `cache-cpu-N` and `Member N of`."""
    return re.sub(r"(?<=-)\d+$|(?<=member )\d+|(?<=node )\d+|(?<=gateway )\d+|(?<=replica )\d+", "N", text, flags=re.IGNORECASE)


def condition(spec: AlarmSpec) -> str:
    """When an alarm is raised, in a cell."""
    if isinstance(spec.source, Metric):
        what, period = f"`{spec.source.namespace}` `{spec.source.name}`, {spec.source.statistic}", spec.source.period
    else:
        what, period = spec.source.label, spec.source.metrics[0][1].period
    in_bytes = isinstance(spec.source, Metric) and spec.source.name in ("FreeableMemory", "FreeStorageSpace", "OldestReplicationSlotLag")
    limit = f"{spec.threshold / GIB:.3g} GiB" if in_bytes else f"{spec.threshold:g}"
    sign = "above" if spec.comparison is Comparison.ABOVE else "below"
    of = f" of {spec.periods}" if spec.datapoints not in (None, spec.periods) else ""
    silence = "; silence counts" if spec.missing is Missing.BREACHING else ""
    return f"{what} {sign} {limit}, {spec.datapoints or spec.periods}{of} × {period} s{silence}"


def alarm_table(runbook: str) -> str:
    """The alarms that name a page."""
    rows = [
        (f"`{numberless(spec.key)}`", spec.severity, numberless(spec.why), condition(spec), ", ".join(spec.seeds))
        for spec in sample_alarms()
        if spec.runbook == runbook
    ]
    return table(("alarm", "severity", "why", "raised when", "asked for by"), rows)


def price_tables() -> dict[str, str]:
    """The tables of docs/cost.md: prices, sizes, and the network's profiles in three zones."""
    prices = load_prices()
    services = {kind.value: list(found) for kind, found in INTERFACES.items()}
    subnets = from_mocks(
        {"type": "aws:ec2/subnet:Subnet", "name": zone, "inputs": {"availabilityZone": f"us-east-1{zone}"}} for zone in "abc"
    )
    families = ("rds", "cache", "ec2")
    listed = {key: price for key, price in prices.prices.items() if key.split(".")[0] not in families or key.startswith("rds.gp3")}
    mark = {True: "", False: " *"}
    sizes: dict[str, list[str]] = {}
    for key, price in prices.prices.items():
        if key not in listed:
            size, _, kind = key.partition(".")[2].rpartition(".")
            sizes.setdefault(size, []).append(f"{price.usd:f} {kind}{mark[price.verified]}")
    return {
        "prices": f"Dated {prices.dated.isoformat()}, {prices.region}.\n\n"
        + table(
            ("what", "US dollars", "for one", "source"),
            [(f"{price.what}{mark[price.verified]}", f"{price.usd:f}", price.per, price.source) for price in listed.values()],
        )
        + "\n\n"
        + "\n".join(f"- {key}: {words}" for key, words in prices.sources.items()),
        "sizes": table(("size", "US dollars an hour"), [(f"`{size}`", ", ".join(kinds)) for size, kinds in sizes.items()]),
        "profiles": table(
            ("endpoints", "NAT", "firewall", "list", "bill", "100 GB to AWS", "100 GB to the internet"),
            [
                (
                    f"`{row.endpoints}`",
                    f"`{row.nat}`",
                    "on" if row.firewall else "off",
                    f"{row.fixed:,.2f}",
                    f"{row.billed:,.2f}",
                    f"{row.aws_low:.2f}" if row.aws_low == row.aws_high else f"{row.aws_low:.2f} to {row.aws_high:.2f}",
                    f"{row.internet:.2f}",
                )
                for row in profiles(subnets, prices, services)
            ],
        ),
        "break-even": table(
            ("endpoints", "zones", "US dollars a month", "GB a month, firewall off", "GB a month, firewall on"),
            [
                (row.endpoints, str(row.zones), f"{row.fixed:,.2f}", f"{row.gb_without_firewall:,.0f}", f"{row.gb_with_firewall:,.0f}")
                for row in break_even(prices, services, 3)
            ],
        ),
    }


def generated() -> dict[Path, dict[str, str]]:
    """The tables of every page that has some, by the name of their markers."""
    found = {
        DOCS / "architecture.md": {"flows": flow_table()},
        DOCS / "images.md": {"environment": environment_table(), "secrets": secret_table()},
        DOCS / "cost.md": price_tables(),
        DOCS / "operations-calendar.md": {"calendar": calendar()},
        DOCS / "secrets.md": {"rotation": rotation_table()},
    }
    return found | {RUNBOOKS / f"{name}.md": {"alarms": alarm_table(name)} for name in sorted({spec.runbook for spec in sample_alarms()})}


def drawn(recording: Any) -> dict[Path, dict[str, str]]:
    """The same for pages that show a plan of `local`: its firewall matrix and the picture of its network."""
    network = read(recorded(recording))
    return {
        DOCS / "firewall-matrix.md": {
            "matrix": f"\n{markdown(matrix(network))}\n",
            "network": f"\n```mermaid\n{picture(network, 'nautilus-infra local')}```\n",
        }
    }


def renewed(page: Path, blocks: dict[str, str] | None = None) -> str:
    """The page with its tables made again: `blocks` by the name of their markers, or those of `generated`.

    Raises:
        ValueError: The page lacks the markers of a table, or has them twice.
    """
    text = page.read_text("utf-8")
    for name, body in (generated()[page] if blocks is None else blocks).items():
        parts = re.split(rf"(?<=<!-- {name} -->)\n.*?(?=<!-- /{name} -->)", text, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"{page.name}: `<!-- {name} -->` and `<!-- /{name} -->` must stand there once, not {len(parts) - 1} times")
        text = f"\n{body}\n".join(parts)
    return text


def write() -> None:
    """Write every generated table again."""
    for page in generated():
        page.write_text(renewed(page), "utf-8")
    for page, blocks in drawn(synthesised(stack("local"))).items():
        page.write_text(renewed(page, blocks), "utf-8")


@pytest.mark.parametrize("page", generated(), ids=lambda page: page.name)
def test_generated_tables_are_up_to_date(page: Path) -> None:
    assert page.read_text("utf-8") == renewed(page), "run `python -m tests.test_docs`"


def test_the_firewall_matrix_and_the_picture_are_up_to_date(local_platform: Any) -> None:
    for page, blocks in drawn(local_platform).items():
        assert page.read_text("utf-8") == renewed(page, blocks), "run `python -m tests.test_docs`"


# --- runbooks ---------------------------------------------------------------------------------------------------------------


def named_runbooks() -> set[str]:
    """Every literal `runbook=` of the program, and what a parameter of that name has when nobody says it."""
    found: set[str] = set()
    for path in (ROOT / "infra").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "runbook":
                handed_on = isinstance(node.value, ast.Name) and node.value.id == "runbook"
                assert handed_on or isinstance(node.value, ast.Constant), f"{path.name}: a runbook's name must be a literal"
                if isinstance(node.value, ast.Constant):
                    found.add(str(node.value.value))
            if isinstance(node, ast.arguments):
                defaults = zip(node.kwonlyargs, node.kw_defaults, strict=True)
                found |= {str(one.value) for name, one in defaults if name.arg == "runbook" and isinstance(one, ast.Constant)}
    return found


def linked(section: str) -> set[str]:
    """Pages that a section of the index links."""
    parts = re.split(r"^## (.+)$", INDEX.read_text("utf-8"), flags=re.MULTILINE)
    body = dict(zip(parts[1::2], parts[2::2], strict=True))[section]
    return set(re.findall(r"\]\(([a-z0-9-]+)\.md\)", body))


def test_every_runbook_that_an_alarm_names_exists_and_is_in_the_index() -> None:
    named = named_runbooks()
    assert len(named) >= 15
    assert sorted(name for name in named if not (RUNBOOKS / f"{name}.md").is_file()) == []
    assert linked("Alarms") == named


def test_every_page_is_an_alarms_or_operational() -> None:
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {INDEX.stem}
    operational = pages - named_runbooks()
    assert operational <= linked("Operations")


def test_the_tables_show_every_alarm_of_the_platform(local_platform: Any) -> None:
    """The sample of `sample_alarms` and the platform that is built agree, on names, severity and page; `local` lacks the optional ones."""
    shown = {numberless(spec.key): (spec.severity.value, spec.runbook) for spec in sample_alarms()}
    built: dict[str, tuple[str, str]] = {}
    for alarm in local_platform.by_type("aws:cloudwatch/metricAlarm:MetricAlarm"):
        key = numberless(alarm.inputs["name"].removeprefix("nautilus-local-"))
        key = re.sub(r"^(backend|frontend|engine|ib-gateway)(?=-(cpu|memory)$)", "SERVICE", key)
        page = re.search(r"docs/runbooks/([a-z-]+)\.md", alarm.inputs["alarmDescription"])
        assert page is not None, key
        built[key] = (alarm.inputs["alarmActions"][0].rpartition("-")[2], page[1])
    optional = {numberless(spec.key) for spec in plan.table(*OPTIONAL_ALARMS)}
    assert optional <= shown.keys() - built.keys()
    assert built == {key: value for key, value in shown.items() if key not in optional}


SECTIONS = ("First five minutes", "Never", "Call somebody", "It is over when")


@pytest.mark.parametrize("name", sorted({spec.runbook for spec in sample_alarms()}))
def test_every_runbook_has_the_same_parts(name: str) -> None:
    headings = re.findall(r"^## (.+)$", (RUNBOOKS / f"{name}.md").read_text("utf-8"), flags=re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)


# --- commands ---------------------------------------------------------------------------------------------------------------

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_STARTS = ("aws", "nautilus")


def words(script: str) -> Iterator[list[str]]:
    """The simple commands of a shell script as words, those inside `"$(…)"` as well."""
    # Comments go first: the lexer takes the end of a line with them.
    script = re.sub(r"(^|\s)#[^\n]*", "", script.replace("\\\n", " "))
    for line in re.findall(r"\"\$\(((?:[^()]|\([^()]*\))*)\)", script):
        yield from words(line)
    lexer = shlex.shlex(script, posix=True, punctuation_chars="|&;()<>\n")
    lexer.whitespace, lexer.whitespace_split = " \t", True
    command: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;()<>\n"):
            yield command
            command = []
        else:
            command.append(word)
    yield command


def commands(page: Path) -> Iterator[list[str]]:
    """Every call of `aws` or `nautilus` on a page, in code blocks and in code spans."""
    text = page.read_text("utf-8")
    scripts = [body for language, body in _FENCE.findall(text) if language in ("sh", "yaml")]
    scripts += [span for span in _SPAN.findall(_FENCE.sub("", text)) if span.split(" ")[0] in _STARTS or "/nautilus " in span]
    for script in scripts:
        # Words of a workflow before the command are no words of the command.
        for found in words(re.sub(r"^\s*- run: ", "", script, flags=re.MULTILINE)):
            start = next((index for index, word in enumerate(found) if word.rpartition("/")[2] in _STARTS), None)
            if start is not None and len(found) > start + 1 and not found[start + 1].startswith(("=", ":")):
                yield [found[start].rpartition("/")[2], *found[start + 1 :]]


def called(program: str, pages: tuple[Path, ...]) -> list[tuple[str, list[str]]]:
    """The calls of one program with the pages that they stand on."""
    return [(page.relative_to(ROOT).as_posix(), found[1:]) for page in pages for found in commands(page) if found[0] == program]


@cache
def own_command() -> Any:
    """Our command line as typer builds it out of all modules, which takes a moment."""
    return typer.main.get_command(app)


def nautilus_problem(call: list[str]) -> str | None:
    """What is wrong with a call of our own command line: a command or an option that does not exist."""
    command = own_command()
    path: list[str] = []
    rest = list(call)
    while getattr(command, "commands", None):
        if not rest or rest[0].startswith("-"):
            break
        path.append(rest.pop(0))
        command = command.commands.get(path[-1])
        if command is None:
            return f"nautilus {' '.join(path)} does not exist"
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    strange = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    return f"nautilus {' '.join(path)} has no {', '.join(strange)}" if strange else None


def test_every_nautilus_command_exists() -> None:
    found = called("nautilus", (*PAGES, ROOT / "README.md"))
    assert len(found) > 30
    problems = sorted({f"{page}: {problem}" for page, call in found if (problem := nautilus_problem(call))})
    assert problems == []


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (["launch", "plan"], "nautilus launch does not exist"),
        (["state", "import"], "nautilus state import does not exist"),
        (["preview", "--stack", "prod", "--yes"], "nautilus preview has no --yes"),
        (["config", "check", "--stack", "prod"], None),
        (["--help"], None),
    ],
)
def test_the_check_of_our_commands_can_fail(call: list[str], says: str | None) -> None:
    assert nautilus_problem(call) == says


_GLOBAL = {"output", "query", "region", "profile", "no-cli-pager"}
_CUSTOM = {
    ("logs", "tail"): {"since", "follow", "filter-pattern", "log-stream-name-prefix"},
    ("ecr", "get-login-password"): set[str](),
}
"""Commands that the AWS CLI adds to the API's operations, with the options that we use."""


@cache
def aws_operations(service: str) -> dict[str, set[str]] | None:
    """The options of every operation of an AWS service as the CLI spells them; None for a service that does not exist."""
    session: Any = botocore.session.get_session()
    if service not in session.get_available_services():
        return None
    model = session.get_service_model(service)
    found: dict[str, set[str]] = {}
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        members = cast("dict[str, Any]", shape.members if shape is not None else {})
        options = {xform_name(member, "-") for member in members}
        options |= {f"no-{xform_name(member, '-')}" for member, kind in members.items() if kind.type_name == "boolean"}
        found[xform_name(name, "-")] = options
    return found


def aws_problem(call: list[str]) -> str | None:
    """What is wrong with a call of the AWS CLI: a service, an operation or an option that does not exist."""
    service, operation, *rest = (*call, "", "")[: max(len(call), 2)]
    operations = aws_operations(service)
    if operations is None:
        return f"aws has no service {service}"
    if operation == "wait":
        client: Any = botocore.session.get_session().get_waiter_model(service)
        waiters = {xform_name(name, "-") for name in client.waiter_names}
        return None if rest and rest[0] in waiters else f"aws {service} cannot wait for {rest[:1]}"
    known = _CUSTOM.get((service, operation), operations.get(operation))
    if known is None:
        return f"aws {service} has no {operation}"
    options = [word[2:].partition("=")[0] for word in rest if word.startswith("--")]
    strange = [option for option in options if option not in known | _GLOBAL]
    return f"aws {service} {operation} has no --{', --'.join(strange)}" if strange else None


def test_every_aws_command_exists() -> None:
    found = called("aws", PAGES)
    assert len(found) > 60
    problems = sorted({f"{page}: {problem}" for page, call in found if (problem := aws_problem(call))})
    assert problems == []


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (["ecs", "describe-service"], "aws ecs has no describe-service"),
        (["ecz", "list-tasks"], "aws has no service ecz"),
        (["ecs", "list-tasks", "--service", "x"], "aws ecs list-tasks has no --service"),
        (["rds", "wait", "db-instance-there"], "aws rds cannot wait for ['db-instance-there']"),
        (["rds", "wait", "db-instance-available", "--db-instance-identifier", "x"], None),
        (["logs", "tail", "group", "--since", "5m"], None),
    ],
)
def test_the_check_of_aws_commands_can_fail(call: list[str], says: str | None) -> None:
    assert aws_problem(call) == says


# --- names ------------------------------------------------------------------------------------------------------------------


def test_every_output_on_the_pages_is_in_the_contract() -> None:
    contract = {variable(key) for key in schema()["properties"]}
    wrong = {
        f"{page.name}: {name}"
        for page in PAGES
        for name in re.findall(r"\bNAUTILUS_[A-Z_]+", page.read_text("utf-8"))
        if name not in contract
    }
    assert wrong == set()


def strings(value: Any) -> Iterator[str]:
    """Every text inside nested lists and mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from strings(item)


_PLACES = {
    "$STACK": "local",
    "<stack>": "local",
    "$P": "nautilus-local",
    "<account>": "123456789012",
    "$NAUTILUS_ACCOUNT_ID": "123456789012",
    "<region>": "us-east-1",
    "nautilus-prod": "nautilus-local",
    "nautilus/prod/": "nautilus/local/",
}
_PHYSICAL = re.compile(
    "|".join(
        (
            r"/aws/[a-z/]+/nautilus-local[a-z0-9/-]*",  # log groups whose names AWS prescribes
            r"/?nautilus/local/[a-z0-9/-]+",  # log groups of ours, secrets
            r"nautilus-local/[a-z0-9-]+",  # repositories
            r"(?:aws-waf-logs-)?nautilus-local-[a-z0-9-]+N?",
        )
    )
)
_NOT_IN_A_STACK = re.compile(
    r"nautilus-local-(?:postgres-broken|postgres-restored|pulumi-secrets)|nautilus/local/(?:outputs|rollouts|migrations|trading)"
)
"""Names that a person gives while restoring, that bootstrap makes, or that are parameters which the tools write."""


def physical_names(text: str) -> set[str]:
    """Names of AWS resources on a page, as the stack `local` has them."""
    for place, value in _PLACES.items():
        text = text.replace(place, value)
    found = {re.sub(r"-N$", "-1", name).rstrip("-/") for name in _PHYSICAL.findall(text)}
    return {name for name in found if not _NOT_IN_A_STACK.search(name)}


@pytest.mark.parametrize("page", [page for page in PAGES if physical_names(page.read_text("utf-8"))], ids=lambda page: page.name)
def test_every_physical_name_is_one_of_the_platform(page: Path, local_platform: Any) -> None:
    """Log groups, services, instances, buckets, roles … on the pages are those that the program makes, a signed zone's among them."""
    signed = synthesised(changed("local", edge={"dns": stack("local").edge.dns.model_dump() | {"dnssec": "signing"}}))
    made = {text for item in (*local_platform, *signed) for text in strings(item.inputs)}
    assert sorted(physical_names(page.read_text("utf-8")) - made) == []


def test_no_line_of_a_runbook_is_left_for_later() -> None:
    for page in RUNBOOKS.glob("*.md"):
        lines = page.read_text("utf-8").splitlines()
        assert 30 <= len(lines) <= (120 if page.name == "README.md" else 90), (
            f"{page.name}: {len(lines)} lines; a tired person reads a page, not a book"
        )


if __name__ == "__main__":
    write()
