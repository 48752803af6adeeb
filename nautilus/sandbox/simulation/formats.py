"""AWS's formats of invented values: ids, host names, zone ids. Everything follows from a seed, so a stack always gets the same values."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from nautilus.sandbox.simulation.context import digest

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Hosted zone ids of load balancers (application, network) and of RDS's and S3's own zones, by region: AWS's endpoint tables.
_ALB_ZONES: dict[str, str] = {
    "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2",
    "us-west-1": "Z368ELLRRE2KJ0",
    "us-west-2": "Z1H1FL5HABSF5",
    "ca-central-1": "ZQSVJUPU6J1EY",
    "eu-central-1": "Z215JYRZR1TBD5",
    "eu-west-1": "Z32O12XQLNTSW2",
    "eu-west-2": "ZHURV8PSTC4K8",
    "eu-west-3": "Z3Q77PNBQS71R4",
    "eu-north-1": "Z23TAZ6LKFMNIO",
    "eu-south-1": "Z3ULH7SSC9OV64",
    "ap-northeast-1": "Z14GRHDCWA56QT",
    "ap-northeast-2": "ZWKZPGTI48KDX",
    "ap-northeast-3": "Z5LXEXXYW11ES",
    "ap-southeast-1": "Z1LMS91P8CMLE5",
    "ap-southeast-2": "Z1GM3OXH4ZPM65",
    "ap-south-1": "ZP97RAFLXTNZK",
    "sa-east-1": "Z2P70J7HTTTPLU",
}
_NLB_ZONES: dict[str, str] = {
    "us-east-1": "Z26RNL4JYFTOTI",
    "us-east-2": "ZLMOA37VPKANP",
    "us-west-1": "Z24FKFUX50B4VW",
    "us-west-2": "Z18D5FSROUN65G",
    "ca-central-1": "Z2EPGBW3API2WT",
    "eu-central-1": "Z3F0SRJ5LGBH90",
    "eu-west-1": "Z2IFOLAFXWLO4F",
    "eu-west-2": "ZD4D7Y8KGAS4G",
    "eu-west-3": "Z1CMS0P5QUZ6D5",
    "eu-north-1": "Z1UDT6IFJ4EJM",
    "ap-northeast-1": "Z31USIVHYNEOWT",
    "ap-northeast-2": "ZIBE1TIR4HY56",
    "ap-southeast-1": "ZKVM4W9LS7TM",
    "ap-southeast-2": "ZCT6FZBF4DROD",
    "ap-south-1": "ZVDDRBQ08TROA",
    "sa-east-1": "ZTK26PT1VY4CU",
}
_RDS_ZONES: dict[str, str] = {
    "us-east-1": "Z2R2ITUGPM61AM",
    "us-east-2": "Z2XHWR1WZ565X2",
    "us-west-1": "Z10WI91S59XXQN",
    "us-west-2": "Z1PVIF0B656C1W",
    "eu-west-1": "Z29XKXDKYMONMX",
    "eu-west-2": "Z1TTGA775OQIYO",
    "eu-central-1": "Z1RLNUO7B9Q6NB",
    "ap-northeast-1": "Z24O6O9L7SGTNB",
    "ap-southeast-1": "Z2G0U3KFCY8NZ5",
    "ap-southeast-2": "Z32T0VRHXEXS0V",
}
_S3_ZONES: dict[str, str] = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "eu-west-2": "Z3GKZC51ZF0DB4",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "ap-northeast-1": "Z2M4EHUR26P7ZW",
    "ap-southeast-1": "Z3O0J2DXBE1FTB",
    "ap-southeast-2": "Z1WCIGYICN2BYD",
}
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""The one hosted zone id of all CloudFront domains."""


def _based(number: int, alphabet: str, length: int) -> str:
    out: list[str] = []
    for _ in range(length):
        number, rest = divmod(number, len(alphabet))
        out.append(alphabet[rest])
    return "".join(out)


@dataclass(frozen=True)
class Seed:
    """Invents values for one resource. `label` tells values of one resource apart."""

    text: str

    def hex(self, length: int, label: str = "") -> str:
        """Lower-case hex digits (64 at most)."""
        return digest(self.text, label)[:length]

    def number(self, label: str = "") -> int:
        """A large whole number."""
        return int(digest(self.text, label), 16)

    def digits(self, length: int, label: str = "") -> str:
        """Decimal digits, the first not 0."""
        return str(self.number(label) % (9 * 10 ** (length - 1)) + 10 ** (length - 1))

    def ec2(self, prefix: str, label: str = "") -> str:
        """An id of EC2's family: `vpc-` and 17 hex digits, of which the first is 0 as in real ones."""
        return f"{prefix}-0{self.hex(16, label or prefix)}"

    def uuid(self, label: str = "") -> str:
        """A random-looking (version 4) UUID."""
        raw = list(self.hex(32, f"uuid{label}"))
        raw[12], raw[16] = "4", "89ab"[int(raw[16], 16) % 4]
        text = "".join(raw)
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def base36(self, length: int, label: str = "") -> str:
        """Lower-case letters and digits."""
        return _based(self.number(label), _BASE36, length)

    def upper(self, length: int, label: str = "") -> str:
        """Upper-case letters and digits."""
        return _based(self.number(label), _ALNUM, length)

    def iam(self, prefix: str) -> str:
        """A unique id of IAM: AROA, AIDA, ANPA… and 17 characters of base 32."""
        return f"{prefix}{_based(self.number(prefix), _BASE32, 17)}"

    def distribution(self, label: str = "") -> str:
        """An id of CloudFront: E and 13 letters and digits."""
        return f"E{self.upper(13, f'cloudfront{label}')}"

    def zone(self, label: str = "") -> str:
        """A hosted zone id: Z0 and 19 letters and digits, as new zones have them."""
        return f"Z0{self.upper(19, f'zone{label}')}"

    def secret_suffix(self) -> str:
        """The six characters that Secrets Manager appends to a secret's ARN."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return _based(self.number("secret"), letters, 6)

    def address(self, first: str, label: str = "") -> str:
        """An IPv4 address that starts with `first`, such as `10.0`."""
        left = 4 - len(first.split("."))
        value = self.number(f"ip{label}")
        return ".".join([first, *(str(4 + (value >> (8 * index)) % 250) for index in range(left))])

    def base64(self, length: int, label: str = "") -> str:
        """Base64 of that many bytes (32 at most)."""
        return base64.b64encode(bytes.fromhex(self.hex(64, label))[:length]).decode()


def alb_zone(region: str, *, network: bool = False) -> str:
    """Canonical hosted zone id of a load balancer's DNS name."""
    table = _NLB_ZONES if network else _ALB_ZONES
    return table.get(region) or f"Z{Seed(region).upper(13, 'nlb' if network else 'alb')}"


def rds_zone(region: str) -> str:
    """Hosted zone id of RDS endpoints."""
    return _RDS_ZONES.get(region) or f"Z{Seed(region).upper(13, 'rds')}"


def s3_zone(region: str) -> str:
    """Hosted zone id of S3's website endpoints."""
    return _S3_ZONES.get(region) or f"Z{Seed(region).upper(13, 's3')}"


def website_domain(region: str) -> str:
    """Domain of S3's website endpoints: old regions write a hyphen before the region, new ones a period."""
    old = {"us-east-1", "us-west-1", "us-west-2", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "eu-west-1", "sa-east-1"}
    return f"s3-website{'-' if region in old else '.'}{region}.amazonaws.com"


def zone_id(zone: str) -> str:
    """A zone's id such as `use1-az1`. Which letter maps to which number differs by account in AWS; here `a` is 1."""
    region, letter = zone[:-1], zone[-1:]
    parts = region.split("-")
    if len(parts) < 3 or not letter.isalpha():
        return zone
    compass = {
        "east": "e",
        "west": "w",
        "north": "n",
        "south": "s",
        "central": "c",
        "northeast": "ne",
        "southeast": "se",
        "northwest": "nw",
        "southwest": "sw",
    }.get(parts[1], parts[1][:1])
    return f"{parts[0]}{compass}{parts[2]}-az{ord(letter) - ord('a') + 1}"
