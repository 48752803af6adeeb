"""Ways in for people, as pure data: the session preferences, who may open and read sessions, and what the VPN lets a group reach.

No way in is SSH: sessions go through Systems Manager, which asks IAM and writes everything down, and the VPN reaches database ports alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Network

from infra.plan.iam import Json, canonical, policy, statement
from infra.plan.key_policies import USE, Place
from infra.plan.subnets import Tier, block

ACCOUNT_ENVIRONMENT = "account"
"""Environment of the stack that owns the session log and its key."""

PREFERENCES = "SSM-SessionManagerRunShell"
"""The document that Session Manager takes for every session that names no other. AWS reads this name, one in an account and region."""

TUNNEL = "AWS-StartPortForwardingSession"
"""AWS's document for a tunnel to a port of a node itself. That to another host is granted to nobody: security groups close it anyway."""

MOST_AUTHORIZATIONS = 50
"""Authorization rules of one Client VPN endpoint that AWS grants without asking; newer accounts have 200 (Client VPN quotas)."""


def session_log(project: str) -> str:
    """Name of the log group in which the account's sessions are written down: `/<project>/account/sessions`."""
    return f"/{project}/{ACCOUNT_ENVIRONMENT}/sessions"


def session_preferences(*, log_group: str, key_arn: str, idle_minutes: int, max_minutes: int) -> str:
    """The content of the preferences document (Session document schema 1.0).

    Every key stroke and answer streams to `log_group`, which must be encrypted or the session is refused; the channel itself is encrypted
    with `key_arn` on top of TLS. Sessions are those of `ssm-user`: nodes have no other account for people, so run-as stays off.

    Args:
        idle_minutes: 1 to 60.
        max_minutes: 1 to 1,440, not less than `idle_minutes`.

    Raises:
        ValueError: a duration that Session Manager does not take.
    """
    if not 1 <= idle_minutes <= 60:
        raise ValueError(f"sessions end after {idle_minutes} idle minutes; Session Manager takes 1 to 60")
    if not idle_minutes <= max_minutes <= 1_440:
        raise ValueError(
            f"sessions end after {max_minutes} minutes; Session Manager takes 1 to 1,440, not less than the idle {idle_minutes}"
        )
    return canonical(
        {
            "schemaVersion": "1.0",
            "description": "Preferences of every session: recorded, encrypted, ended when idle",
            "sessionType": "Standard_Stream",
            "inputs": {
                "s3BucketName": "",
                "s3KeyPrefix": "",
                "s3EncryptionEnabled": True,
                "cloudWatchLogGroupName": log_group,
                "cloudWatchEncryptionEnabled": True,
                "cloudWatchStreamingEnabled": True,
                "idleSessionTimeout": str(idle_minutes),
                "maxSessionDuration": str(max_minutes),
                "kmsKeyId": key_arn,
                "runAsEnabled": False,
                "runAsDefaultUser": "",
                "shellProfile": {"linux": "", "windows": ""},
            },
        }
    )


def session_key_policy(*, project: str, place: Place) -> str:
    """Who may use the key of sessions and their log: the account's IAM, CloudWatch Logs for that one group, and nodes to open a session.

    The nodes' roles stand in other stacks, which come and go; they are named by a pattern and bound to this account, so that no stack has to
    know the key. They decrypt, and nothing else: the key of a session is made by whoever opens it.
    """
    log = place.arn("logs", f"log-group:{session_log(project)}")
    return policy(
        {
            "Sid": "AccountAdministration",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{place.partition}:iam::{place.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        statement(
            USE,
            ["*"],
            sid="SessionLog",
            principal={"Service": [f"logs.{place.region}.amazonaws.com"]},
            conditions={"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": log}},
        ),
        statement(
            ["kms:Decrypt"],
            ["*"],
            sid="NodesOpenSessions",
            principal={"AWS": ["*"]},
            conditions={
                "StringEquals": {"kms:CallerAccount": place.account},
                "ArnLike": {"aws:PrincipalArn": place.arn("iam", f"role/{project}-*-timescale", region="")},
            },
        ),
    )


def node_statements(*, project: str, place: Place) -> list[Json]:
    """What a node's role needs so that its agent can write sessions down. Without it the agent refuses the session."""
    return [
        statement(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [place.arn("logs", f"log-group:{session_log(project)}:*")],
            sid="RecordSessions",
        ),
        # The agent asks whether the group is encrypted before it lets anybody in; the calls know no narrower resource.
        statement(["logs:DescribeLogGroups", "logs:DescribeLogStreams"], [place.arn("logs", "log-group:*")], sid="FindSessionLog"),
    ]


def operator_policy(*, project: str, place: Place, regions: Sequence[str], key_arns: Sequence[str]) -> str:
    """What lets a person open sessions: on this project's nodes, with the recorded document or a tunnel, after a second factor.

    Attach it to the role or permission set of the people on duty. A caller without a second factor is refused, unless it comes through IAM
    Identity Center, whose roles carry no such mark because the factor was asked for before (PFC-060, DTO-030).

    Args:
        regions: Where nodes may stand.
        key_arns: The sessions' keys in these regions.
    """
    here = [Place(place.account, region, place.partition) for region in regions]
    starting = ["ssm:StartSession"]
    return policy(
        statement(
            starting,
            [one.arn("ec2", "instance/*") for one in here],
            sid="OpenOnOwnNodes",
            conditions={"StringLike": {"ssm:resourceTag/Name": f"{project}-*"}, "BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}},
        ),
        statement(
            starting,
            [
                *(one.arn("ssm", f"document/{PREFERENCES}") for one in here),
                *(f"arn:{one.partition}:ssm:{one.region}::document/{TUNNEL}" for one in here),
            ],
            sid="OpenRecordedOrTunnel",
        ),
        statement(
            ["ssm:ResumeSession", "ssm:TerminateSession"],
            [one.arn("ssm", "session/*") for one in here],
            sid="EndOwnSessions",
            conditions={"StringLike": {"ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}"}},
        ),
        statement(["kms:GenerateDataKey"], key_arns, sid="EncryptSessions"),
        statement(
            ["ec2:DescribeInstances", "ssm:DescribeInstanceInformation", "ssm:DescribeSessions", "ssm:GetConnectionStatus"],
            ["*"],
            sid="FindNodes",
        ),
        statement(
            starting,
            ["*"],
            sid="RefuseWithoutSecondFactor",
            effect="Deny",
            conditions={
                "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"},
                "ArnNotLike": {
                    "aws:PrincipalArn": f"arn:{place.partition}:iam::{place.account}:role/aws-reserved/sso.amazonaws.com/*",
                },
            },
        ),
    )


def vpn_targets(cidr: str, zones: Sequence[str], *, timescale: bool, existing: bool) -> dict[str, list[str]]:
    """Where each database stands, as CIDR blocks: PostgreSQL in the data tier, TimescaleDB's nodes and balancer in the app tier.

    Args:
        cidr: The VPC's block.
        zones: Letters of the zones, in their order; TimescaleDB is in the first three.
        timescale: Whether there is TimescaleDB.
        existing: Whether the VPC was brought along: its subnets' blocks are not known, so the whole VPC stands for both, and the security
            group alone decides what is reached.
    """
    if existing:
        return {"postgres": [cidr], **({"timescale": [cidr]} if timescale else {})}
    found = {"postgres": [block(cidr, zone, Tier.DATA) for zone in zones]}
    if timescale:
        found["timescale"] = [block(cidr, zone, Tier.APP) for zone in zones[:3]]
    return found


@dataclass(frozen=True, order=True)
class Authorization:
    """One authorization rule: `group` (None: everybody who signed in) may send packets to `cidr`."""

    cidr: str
    group: str | None
    what: str
    """The databases that stand there, for people."""

    @property
    def key(self) -> str:
        """Short and stable: a change of one grant touches no other rule."""
        return sha256(f"{self.group or ''}|{self.cidr}".encode()).hexdigest()[:8]


def authorizations(grants: Mapping[str, Sequence[str]] | None, targets: Mapping[str, Sequence[str]]) -> tuple[Authorization, ...]:
    """The authorization rules of a VPN, in a stable order.

    Args:
        grants: Databases by group of the identity provider; None where everybody who signs in reaches all (certificates know no groups).
        targets: Where each database stands, as CIDR blocks.

    Raises:
        ValueError: a database without an address; no grant at all; more rules than AWS takes; or a block inside another one. AWS lets
            the longest block decide alone, so that a group of the wider one would be locked out of the narrower.
    """
    if grants is not None and not grants:
        raise ValueError("the VPN grants nobody anything: name a group in access.vpn.grants")
    wanted: list[tuple[str | None, Sequence[str]]] = [(None, sorted(targets))] if grants is None else list(grants.items())
    missing = sorted({name for _, names in wanted for name in names if not targets.get(name)})
    if missing:
        raise ValueError(f"the VPN cannot lead to {', '.join(missing)}: no address is known")
    found: dict[tuple[str, str | None], set[str]] = {}
    for group, names in wanted:
        for name in names:
            for cidr in targets[name]:
                found.setdefault((cidr, group), set()).add(name)
    blocks = sorted({IPv4Network(cidr) for cidr, _ in found})
    for wide in blocks:
        for narrow in blocks:
            if narrow != wide and narrow.subnet_of(wide):
                raise ValueError(f"the VPN's target {narrow} lies inside {wide}: the narrower one would decide alone")
    if len(found) > MOST_AUTHORIZATIONS:
        raise ValueError(
            f"the VPN has {len(found)} authorization rules; AWS takes {MOST_AUTHORIZATIONS}: join groups, or land in fewer zones"
        )
    made = [Authorization(cidr, group, " and ".join(sorted(names))) for (cidr, group), names in found.items()]
    return tuple(sorted(made, key=lambda one: (IPv4Network(one.cidr), one.group or "")))
