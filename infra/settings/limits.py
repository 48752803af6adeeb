"""Tables of what AWS and PostgreSQL allow, for checks that no single type can make."""

# ruff: noqa: SIM905 - lists of this length read better as text

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_ABC = "abc"
ZONES: Final = MappingProxyType(
    {
        "af-south-1": _ABC,
        "ap-east-1": _ABC,
        "ap-northeast-1": "acd",
        "ap-northeast-2": "abcd",
        "ap-northeast-3": _ABC,
        "ap-south-1": _ABC,
        "ap-south-2": _ABC,
        "ap-southeast-1": _ABC,
        "ap-southeast-2": _ABC,
        "ap-southeast-3": _ABC,
        "ap-southeast-4": _ABC,
        "ca-central-1": "abd",
        "ca-west-1": _ABC,
        "eu-central-1": _ABC,
        "eu-central-2": _ABC,
        "eu-north-1": _ABC,
        "eu-south-1": _ABC,
        "eu-south-2": _ABC,
        "eu-west-1": _ABC,
        "eu-west-2": _ABC,
        "eu-west-3": _ABC,
        "il-central-1": _ABC,
        "me-central-1": _ABC,
        "me-south-1": _ABC,
        "sa-east-1": _ABC,
        "us-east-1": "abcdef",
        "us-east-2": _ABC,
        "us-west-1": _ABC,
        "us-west-2": "abcd",
    }
)
"""Letters of each region's availability zones, as new accounts see them. A region that is not here passes unchecked."""

DOCKER_BRIDGE: Final = "172.17.0.0/16"
"""Docker's own network on the TimescaleDB nodes; a VPC over it is unreachable from their containers."""

EGRESS_WIDEST: Final = 20
"""The widest network that may be an address rule of the egress firewall: 4,096 addresses."""

EGRESS_REFUSED_PORTS: Final = MappingProxyType(
    {
        25: "mail is sent through SES, and open mail ports get a NAT address blocked",
        53: "names are looked up at the VPC's resolver alone, which logs and filters them",
        123: "the time comes from Amazon's link-local service, which needs no way out",
        853: "names are looked up at the VPC's resolver alone, which logs and filters them",
    }
)
"""Ports that the way out never opens, and what is used instead."""

SHARED_SUFFIXES: Final = frozenset(
    "amazonaws.com ac.uk amplifyapp.com appspot.com azureedge.net azurewebsites.net blogspot.com cdn.cloudflare.net cloudapp.azure.com cloudfront.net "
    "co.in co.jp co.kr co.nz co.uk co.za com.au com.br com.cn com.hk com.mx com.sg com.tr com.tw core.windows.net deno.dev discord.com "
    "dropbox.com dropboxusercontent.com duckdns.org edgekey.net fastly.net firebaseapp.com fly.dev ghcr.io github.com github.io "
    "githubusercontent.com gitlab.io googleapis.com googleusercontent.com herokuapp.com netlify.app ngrok.app ngrok.io onrender.com org.uk "
    "pages.dev pastebin.com r2.dev railway.app s3.amazonaws.com sharepoint.com supabase.co telegram.org trycloudflare.com vercel.app web.app "
    "windows.net workers.dev".split()
)
"""Suffixes under which anybody can have a name or leave data, as of 2026-11: a rule for all names below one is a way out for everything."""

COUNTRIES: Final = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH "
    "CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN "
    "GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI "
    "LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM "
    "PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD "
    "TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW".split()
)
"""ISO 3166-1 alpha-2 codes, which CloudFront's geographic restriction takes."""

VERSIONS: Final = MappingProxyType({"valkey": ("7.2", "8.0", "8.1", "8.2"), "redis": ("7.0", "7.1")})
"""Versions of the engines that ElastiCache offers from Redis 7 on."""

RESERVED_STARTS: Final = ("amazon", "amzn", "aws", "internal", "ssm", "sthree", "xn-")
"""Starts of names that some AWS service keeps for itself: load balancers refuse `internal-`, parameters `aws` and `ssm`, buckets `sthree`, `amzn` and `xn--`."""

RESERVED_TAGS: Final = ("Project", "Environment", "Owner", "CostCenter", "ManagedBy", "Name")
"""Tags that the program sets itself."""

RESERVED_USERS: Final = frozenset({"admin", "administrator", "postgres", "root", "rdsadmin", "user"})
"""Names that RDS refuses for an administrator, and the well-known ones that an attacker tries first (Security Hub RDS.25)."""
RESERVED_USER_STARTS: Final = ("rds_", "rds", "pg_")
"""Prefixes of RDS's and PostgreSQL's own roles."""

RESERVED_DATABASES: Final = frozenset({"db", "postgres", "rdsadmin", "template0", "template1"})
"""Databases that exist already, and `db`, which RDS refuses."""

SQL_WORDS: Final = frozenset(
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column "
    "concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp "
    "current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike "
    "in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null "
    "offset on only or order outer overlaps placing primary references returning right select session_user similar some symmetric "
    "system_user table tablesample then to trailing true union unique user using variadic verbose when where window with".split()
)
"""PostgreSQL's reserved words, which RDS refuses as names."""

CONNECTIONS_KEPT: Final = 50
"""Connections beside the backend's: the engine, administrators, monitoring, rotation, RDS itself."""

LONGEST_ROLLOUT_MINUTES: Final = 30
"""A deployment stays under this (seed 004, NDS-062)."""

LONGEST_CERTIFICATE_NAME: Final = 64
"""Characters of the first name in an ACM certificate (AWS limit); ours is `origin.<domain>`."""

MOST_FAILED_CHECKS: Final = 10
"""Failures in a row that a Route 53 health check can wait for (Route 53 FailureThreshold, 1 to 10)."""

FEWEST_CHECKER_REGIONS: Final = 3
"""Regions that a Route 53 health check asks from at least (Route 53 HealthCheckRegionList)."""
