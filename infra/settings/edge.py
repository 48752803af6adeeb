"""Settings of what faces the internet: names, certificates, CDN, firewall."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from infra.settings.base import Accepts, CertificateArn, Cidr, Domain, Email, LogDays, Section

ZoneId = Annotated[
    str, Field(pattern=r"^Z[A-Z0-9]{5,31}$"), Accepts("a hosted zone's id, such as Z0123456789ABCDEFGHIJ", "Z0123456789ABCDEFGHIJ")
]


class PriceClass(StrEnum):
    """CloudFront's price classes."""

    ALL = "PriceClass_All"
    P200 = "PriceClass_200"
    P100 = "PriceClass_100"


class DnsSec(StrEnum):
    """How far the zone is signed. `off` follows `withdrawing` only, never `signing`: see docs/edge-origin-dns.md."""

    OFF = "off"
    SIGNING = "signing"
    WITHDRAWING = "withdrawing"


class Standby(Section):
    """The second region's load balancer, to which `origin.<domain>` fails over."""

    host: Annotated[
        str,
        Field(pattern=r"^[a-z0-9-]{1,63}\.[a-z]{2}-[a-z]+-[1-9]\.elb\.amazonaws\.com$", max_length=253),
        Accepts(
            "AWS's name of a load balancer, such as standby-1234567890.us-west-2.elb.amazonaws.com",
            "standby-1234567890.us-west-2.elb.amazonaws.com",
        ),
    ] = Field(description="AWS's own name of the standby's load balancer, as its stack's output `loadBalancerDns` says.")
    zone_id: ZoneId = Field(
        description="Hosted zone that AWS itself keeps for load balancers of that region, such as Z1H1FL5HABSF5 for us-west-2."
    )
    forced: bool = Field(
        default=False,
        description="Send everyone to the standby now, whatever the primary's health: the lever for a planned move; `true` or `false`.",
    )


class Dns(Section):
    """Names of the platform."""

    domain: Domain = Field(description="The platform's domain: the site, its API and `origin.<domain>` for the load balancer.")
    zone_id: ZoneId | None = Field(
        default=None, description="Id of a hosted zone that exists; unset makes one, whose delegation you then set up at the registrar."
    )
    certificate_arn: CertificateArn | None = Field(
        default=None, description="A certificate of `region` that exists, for the load balancer; unset makes one, validated through DNS."
    )
    cdn_certificate_arn: CertificateArn | None = Field(
        default=None, description="A certificate of us-east-1 that exists, for CloudFront; unset makes one, validated through DNS."
    )
    caa_contact: Email | None = Field(
        default=None,
        description="Address that certificate authorities may tell of refused requests (CAA `iodef`, public in DNS); unset names none.",
    )
    dnssec: DnsSec = Field(
        default=DnsSec.OFF,
        description="Signing of a zone of ours: `off`, `signing`, or `withdrawing` on the way back to `off`. The registrar must hold the "
        "output `dsRecord` while it signs, and no longer before it stops.",
    )
    query_log: bool = Field(default=True, description="Log every query to a zone of ours; a zone that is brought along keeps its own log.")
    standby: Standby | None = Field(
        default=None, description="Where `origin.<domain>` leads when this region fails; unset leaves it with this region."
    )


_KNOWN_KEYS: dict[str, Any] = {"additionalProperties": False}
"""For the schema of a mapping whose keys have a form: any other key is wrong in an editor too."""


class BotControl(StrEnum):
    """How AWS's bot control is used."""

    OFF = "off"
    COMMON = "common"
    TARGETED = "targeted"


class Payload(StrEnum):
    """How a login form sends its fields, as WAF spells it."""

    JSON = "JSON"
    FORM = "FORM_ENCODED"


class LoggedRequests(StrEnum):
    """Which requests the firewall's log holds."""

    MATCHED = "matched"
    ALL = "all"


UrlPath = Annotated[
    str,
    Field(pattern=r"^(/[A-Za-z0-9][A-Za-z0-9._~-]{0,62}){1,3}/?$"),
    Accepts("a path of one to three plain segments, such as /api/backtests", "/api/backtests"),
]
Requests = Annotated[int, Field(ge=10, le=20_000_000)]
WindowSeconds = Literal[60, 120, 300, 600]
_WINDOW = "Seconds in which they are counted: 60, 120, 300 or 600 (AWS offers no others)."


class LoginLimit(Section):
    """Attempts to log in (POST to `edge.waf.loginPath`) by one address."""

    requests: Requests = Field(default=20, description="Attempts in the window before the address is refused, 10 to 20,000,000.")
    window_seconds: WindowSeconds = Field(default=300, description=_WINDOW)


class OrdersLimit(Section):
    """New orders (POST) by one address; cancelling is never counted."""

    path: UrlPath = Field(default="/api/orders", description="What the API's orders start with: one to three plain segments.")
    requests: Requests = Field(default=300, description="Orders in the window before the address is refused, 10 to 20,000,000.")
    window_seconds: WindowSeconds = Field(default=60, description=_WINDOW)


class MarketDataLimit(Section):
    """Requests for market data by one address."""

    path: UrlPath = Field(default="/api/market", description="What the API's market data starts with: one to three plain segments.")
    requests: Requests = Field(default=600, description="Requests in the window before the address is refused, 10 to 20,000,000.")
    window_seconds: WindowSeconds = Field(default=60, description=_WINDOW)


class WebsocketsLimit(Section):
    """New WebSocket connections by one address; messages on open ones are not counted."""

    path: UrlPath = Field(default="/ws", description="What WebSocket connections start with: one to three plain segments.")
    requests: Requests = Field(default=60, description="Connections in the window before the address is refused, 10 to 20,000,000.")
    window_seconds: WindowSeconds = Field(default=60, description=_WINDOW)


class Limits(Section):
    """Rate limits of single paths, each for one client address, at CloudFront."""

    login: LoginLimit = Field(default_factory=LoginLimit, description="Attempts to log in.")
    orders: OrdersLimit = Field(default_factory=OrdersLimit, description="New orders.")
    market_data: MarketDataLimit = Field(default_factory=MarketDataLimit, description="Market data.")
    websockets: WebsocketsLimit = Field(default_factory=WebsocketsLimit, description="New WebSocket connections.")


FieldPointer = Annotated[
    str,
    Field(pattern=r"^(/[A-Za-z0-9_.-]{1,60}){1,4}$|^[A-Za-z0-9_.-]{1,60}$"),
    Accepts("a JSON pointer such as /username, or a form field's name", "/username"),
]


class AccountTakeover(Section):
    """AWS's account-takeover prevention on the login form: stolen credentials, many failed logins (10 $ a month and 1 $ a 1,000 logins)."""

    enabled: bool = Field(default=True, description="Whether it looks at logins; `true` or `false`. Production needs it.")
    payload: Payload = Field(default=Payload.JSON, description="How the form is sent: `JSON` or `FORM_ENCODED`.")
    username_field: FieldPointer = Field(
        default="/username", description="Where the user's name stands: a JSON pointer, or a form field's name."
    )
    password_field: FieldPointer = Field(
        default="/password", description="Where the password stands: a JSON pointer, or a form field's name."
    )


class Waf(Section):
    """Web application firewall."""

    requests_per_five_minutes: Annotated[int, Field(ge=100, le=20_000_000)] = Field(
        default=6_000,
        description="Requests that one address may send in 5 minutes before it is blocked, 100 to 20,000,000; the seed's 1,000 a minute make 5,000.",
    )
    log_days: LogDays | None = Field(
        default=None, description="Retention of the firewall's log, in days; unset follows `platform.logDays`."
    )
    log_requests: LoggedRequests = Field(
        default=LoggedRequests.MATCHED,
        description="Which requests are logged: `matched` keeps what a rule blocked or counted, `all` keeps everything (0.50 $ a GB).",
    )
    login_path: UrlPath = Field(default="/api/auth/login", description="Where the application logs users in: one to three plain segments.")
    limits: Limits = Field(default_factory=Limits, description="Rate limits of single paths.")
    path_limits: dict[UrlPath, Requests] = Field(
        default_factory=dict,
        max_length=10,
        json_schema_extra=_KNOWN_KEYS,
        description="Further rate limits: the start of a path to the requests of one address in 5 minutes, 10 to 20,000,000; at most 10.",
    )
    blocked_networks: list[Cidr] = Field(
        default_factory=list, max_length=1000, description="IPv4 networks whose requests are refused at CloudFront; public addresses alone."
    )
    allowed_networks: list[Cidr] = Field(
        default_factory=list,
        max_length=1000,
        description="IPv4 networks without rate limits and address rules, such as an office's; what they send is looked at all the same.",
    )
    upload_paths: list[UrlPath] = Field(
        default_factory=list, max_length=20, description="Paths that take bodies above 8 KB; they are refused everywhere else. At most 20."
    )
    inspect_body_kb: Literal[16, 32, 48, 64] = Field(
        default=16,
        description="How much of a body CloudFront's firewall looks at, in KB: 16, 32, 48 or 64; more than 16 costs 0.30 $ a million requests and 16 KB.",
    )
    account_takeover: AccountTakeover = Field(default_factory=AccountTakeover, description="Protection of the login form.")
    bot_control: BotControl = Field(
        default=BotControl.OFF,
        description="AWS's bot control on pages: `off`, `common` (10 $ a month, 1 $ a million requests) or `targeted` (10 $ a million).",
    )
    capacity: Annotated[int, Field(ge=1500, le=5000)] = Field(
        default=1500,
        description="Most that a web ACL's rules may weigh in WCU, 1,500 to 5,000; AWS charges 0.20 $ a million requests for each 500 above 1,500.",
    )


Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$"), Accepts("a country's code of two capital letters (ISO 3166), such as KP", "KP")]
CachedPath = Annotated[
    str,
    Field(pattern=r"^/api(/[A-Za-z0-9][A-Za-z0-9_.-]{0,62}){1,3}(/\*)?$"),
    Accepts(
        "a path under /api/ of one to three plain segments and possibly `/*`, such as /api/market/instruments", "/api/market/instruments"
    ),
]


class Cdn(Section):
    """CloudFront."""

    price_class: PriceClass = Field(
        default=PriceClass.P100, description="Which edge locations serve the site: `PriceClass_All`, `PriceClass_200` or `PriceClass_100`."
    )
    blocked_countries: list[Country] = Field(
        default_factory=list, description="ISO 3166 codes of countries that are refused; empty refuses none. Not beside `allowedCountries`."
    )
    allowed_countries: list[Country] = Field(
        default_factory=list,
        description="ISO 3166 codes of the only countries that are served; empty serves all. Not beside `blockedCountries`.",
    )
    cached_paths: dict[CachedPath, Annotated[int, Field(ge=1, le=86_400)]] = Field(
        default_factory=dict,
        max_length=10,
        json_schema_extra=_KNOWN_KEYS,
        description=(
            "Market data that CloudFront keeps for everybody alike: path pattern to seconds, 1 to 86,400. "
            "It is fetched without cookies and `Authorization`: list only what needs no login. At most 10."
        ),
    )
    maintenance: bool = Field(
        default=False,
        description="Whether every visitor gets the maintenance page (503) and nothing reaches the load balancer; `true` or `false`. Trading goes on.",
    )


class LoadBalancer(Section):
    """Application load balancer."""

    idle_seconds: Annotated[int, Field(ge=60, le=4000)] = Field(
        default=300, description="Seconds that an idle connection stays open, 60 to 4,000; WebSockets need more than the default of 60."
    )
    keep_alive_seconds: Annotated[int, Field(ge=60, le=604_800)] = Field(
        default=3_600, description="Seconds after which a client's connection is renewed even when busy, 60 to 604,800."
    )


CheckerRegion = Literal[
    "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-west-1", "sa-east-1", "us-east-1", "us-west-1", "us-west-2"
]
"""Regions that Route 53 checks from."""


class Uptime(Section):
    """Checks of the site from outside, by Route 53."""

    enabled: bool = Field(default=True, description="Whether Route 53 asks for the site from outside and an alarm tells when it is down.")
    paths: list[
        Annotated[str, Field(pattern=r"^/[A-Za-z0-9/_.-]{0,254}$"), Accepts("a path of at most 255 characters, such as /health", "/health")]
    ] = Field(
        default_factory=lambda: ["/", "/health"],
        min_length=1,
        max_length=5,
        description="Paths of the site that must answer with a status of 200 to 399.",
    )
    search_text: (
        Annotated[
            str, Field(pattern=r"^[!-~]([ -~]{0,253}[!-~])?$"), Accepts("1 to 255 printable characters, without spaces at the ends", "ok")
        ]
        | None
    ) = Field(default=None, description="Text that each answer must contain within its first 5,120 bytes; unset looks at the status alone.")
    interval_seconds: Literal[10, 30] = Field(
        default=30, description="Seconds between two requests of one checker: 10 or 30; 10 costs more."
    )
    down_seconds: Annotated[int, Field(ge=10, le=300)] = Field(
        default=90, description="Seconds of failures in a row until a checker reports the site as down: 1 to 10 intervals."
    )
    regions: list[CheckerRegion] = Field(
        default_factory=lambda: ["ap-southeast-1", "eu-west-1", "us-east-1"],
        min_length=3,
        max_length=8,
        description="Regions to check from, three or more (Route 53's rule); each sends its own requests.",
    )


def check_name(path: str) -> str:
    """Short name of the check of a path, part of its alarm's: `/api/v1/status` is `api-v1-status`, and `/` is `site`."""
    return "-".join(part for part in path.lower().replace(".", "-").replace("_", "-").split("/") if part) or "site"


class Shield(Section):
    """AWS Shield Advanced."""

    adopt: bool = Field(
        default=False,
        description="Protect the edge with a subscription that this account has already. The program never makes one: it binds for a year.",
    )


class Edge(Section):
    """Everything that faces the internet."""

    dns: Dns = Field(description="Names and certificates.")
    waf: Waf = Field(default_factory=Waf, description="Web application firewall.")
    cdn: Cdn = Field(default_factory=Cdn, description="Content delivery by CloudFront.")
    load_balancer: LoadBalancer = Field(default_factory=LoadBalancer, description="Application load balancer.")
    uptime: Uptime = Field(default_factory=Uptime, description="Checks of the site from outside.")
    shield: Shield = Field(default_factory=Shield, description="AWS Shield Advanced.")
