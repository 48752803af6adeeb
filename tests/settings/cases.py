"""One wrong value each, as a table."""

from __future__ import annotations

from typing import Any

from infra.settings.yaml_reader import SECRET, Secret
from tests.settings.samples import REMOVED

PHRASE = "orders from this stack move real money"
SUBNETS = [f"subnet-{number:017x}" for number in range(12)]


def own_vpc(public: list[str], app: list[str], data: list[str]) -> dict[str, Any]:
    return {"vpcId": "vpc-0123456789abcdef0", "publicSubnetIds": public, "appSubnetIds": app, "dataSubnetIds": data}


CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
SAML = "arn:aws:iam::123456789012:saml-provider/vpn"
BOTH = ["postgres", "timescale"]


def vpn(**more: Any) -> dict[str, Any]:
    """A VPN that is on, with one thing changed."""
    sound = {"enabled": True, "serverCertificateArn": CERTIFICATE, "samlProviderArn": SAML, "grants": {"dba": BOTH}} | more
    return {"access": {"vpn": {key: value for key, value in sound.items() if value is not REMOVED}}}


def mutual(**more: Any) -> dict[str, Any]:
    """The same with certificates."""
    sound = {
        "enabled": True,
        "authentication": "certificate",
        "serverCertificateArn": CERTIFICATE,
        "rootCertificateChainArn": CERTIFICATE,
    } | more
    return {"access": {"vpn": {key: value for key, value in sound.items() if value is not REMOVED}}}


# One wrong value each: stack, changes, the key that is named, what is accepted, a part of the message, the good value in the repair.
SINGLE: list[tuple[str, dict[str, Any], str, str, str, str]] = [
    # wrong types
    ("staging", {"postgres.major": "sixteen"}, "postgres.major", "a whole number from 15 to 18", "is text, not a whole number", " 16"),
    ("staging", {"postgres.major": 16.5}, "postgres.major", "a whole number from 15 to 18", "is not a whole number", " 16"),
    ("staging", {"postgres.replicas": True}, "postgres.replicas", "a whole number from 0 to 5", "is a truth value, not a whole number", " 1"),
    ("staging", {"postgres.replicas": [1]}, "postgres.replicas", "a whole number from 0 to 5", "is a list, not a whole number", " 1"),
    ("staging", {"postgres.multiAz": "yes"}, "postgres.multiAz", "true or false", "is text, not true or false", " true"),
    ("staging", {"postgres.multiAz": 1}, "postgres.multiAz", "true or false", "is a number, not true or false", " true"),
    ("staging", {"postgres.multiAz": None}, "postgres.multiAz", "true or false", "is empty", " true"),
    ("staging", {"postgres": "large"}, "postgres", "a mapping", "is text, not a mapping", "config rm"),
    ("staging", {"postgres": None}, "postgres", "a mapping", "is empty", "config rm"),
    ("staging", {"services.backend": [1]}, "services.backend", "a mapping", "is a list, not a mapping", "config rm"),
    ("staging", {"network.zones": "abc"}, "network.zones", "a list of 2 to 6", "is text, not a list", "zones[2]=c"),
    ("staging", {"network.zones[0]": {"a": 1}}, "network.zones[0]", "the letter of an availability zone", "is a mapping, not text", "zones[0]=a"),
    ("staging", {"platform.owner": True}, "platform.owner", "1 to 128 letters", "is a truth value, not text", " platform-team"),
    ("staging", {"platform.tags": ["a"]}, "platform.tags", "a mapping of at most 40 keys", "is a list, not a mapping", "config rm"),
    ("staging", {"platform.tags.Team": ["a"]}, "platform.tags.Team", "at most 256 letters", "is a list, not text", " platform"),
    ("staging", {"unlock": "yes"}, "unlock", "true or false", "is text, not true or false", " false"),
    ("staging", {"alarms.errorPercent": "nan"}, "alarms.errorPercent", "a number above 0", "is text, not a number", " 1.0"),
    # out of bounds
    ("staging", {"postgres.major": 14}, "postgres.major", "a whole number from 15 to 18", "is below 15", " 16"),
    ("staging", {"postgres.major": 19}, "postgres.major", "a whole number from 15 to 18", "is above 18", " 16"),
    ("staging", {"alarms.errorPercent": 0}, "alarms.errorPercent", "above 0, at most 100", "is not above 0", " 1.0"),
    ("staging", {"network.zones": ["a"]}, "network.zones", "2 to 6", "fewer than 2", "zones[1]=b"),
    ("staging", {"alarms.emails": [f"a{n}@b.cd" for n in range(21)]}, "alarms.emails", "at most 20", "more than 20", "config rm"),
    ("staging", {"platform.tags": {f"t{n}": "x" for n in range(41)}}, "platform.tags", "at most 40", "more than 40", "config rm"),
    ("staging", {"secrets.rotationDays": 31}, "secrets.rotationDays", "from 1 to 30", "is above 30", " 30"),
    # one of
    ("staging", {"platform.logDays": 91}, "platform.logDays", "90, 120", "is not one of the choices", " 365"),
    ("staging", {"platform.phase": "all"}, "platform.phase", "foundation or services", "is not one of the choices", " services"),
    ("staging", {"platform.environment": "production"}, "platform.environment", "local, staging", "is not one of the choices", " staging"),
    ("staging", {"network.nat": "none"}, "network.nat", "per-zone or single", "is not one of the choices", " per-zone"),
    ("staging", {"services.backend.cpu": 3000}, "services.backend.cpu", "256, 512", "is not one of the choices", " 4096"),
    ("staging", {"cache.engine": "memcached"}, "cache.engine", "valkey or redis", "is not one of the choices", " valkey"),
    ("staging", {"cache.version": 6.2}, "cache.version", "7.0, 7.1", "is not one of the choices", " 7.2"),
    # forms
    ("staging", {"account.id": 12345}, "account.id", "12 digits", "is not of the form", " 123456789012"),
    ("staging", {"account.id": "١٢٣٤٥٦٧٨٩٠١٢"}, "account.id", "12 digits", "is not of the form", " 123456789012"),
    ("staging", {"account.region": "us-east"}, "account.region", "an AWS region", "is not of the form", " us-east-1"),
    ("staging", {"edge.dns.domain": "https://x.y"}, "edge.dns.domain", "a domain name", "is not of the form", " nautilus.example.com"),
    ("staging", {"services.engine.imageDigest": "latest"}, "services.engine.imageDigest", "`sha256:`", "is not of the form", " sha256:"),
    ("staging", {"platform.project": "a--b"}, "platform.project", "2 to 12 lower-case", "is not of the form", " nautilus"),
    ("staging", {"platform.project": "abc-"}, "platform.project", "2 to 12 lower-case", "is not of the form", " nautilus"),
    ("staging", {"platform.owner": "a\nb"}, "platform.owner", "1 to 128 letters", "is not of the form", " platform-team"),
    ("staging", {"alarms.emails": ["nobody"]}, "alarms.emails[0]", "an e-mail address", "is not of the form", "config rm"),
    ("staging", {"platform.tags": {"aws:x": "y"}}, 'platform.tags["aws:x"]', "not starting with `aws:`", "AWS keeps for itself", "config rm"),
    ("staging", {"network.cidr": "10.20.0.0"}, "network.cidr", "an IPv4 network", "has no prefix length", " 10.20.0.0/16"),
    ("staging", {"network.cidr": "10.20.0.1/16"}, "network.cidr", "an IPv4 network", "10.20.0.0/16 is meant", " 10.20.0.0/16"),
    ("staging", {"network.cidr": "10.20.0.0/33"}, "network.cidr", "an IPv4 network", "is not an IPv4 network", " 10.20.0.0/16"),
    ("staging", {"postgres.insightsDays": 30}, "postgres.insightsDays", "7, a multiple of 31", "Performance Insights", " 7"),
    ("staging", {"postgres.insightsDays": 744}, "postgres.insightsDays", "7, a multiple of 31", "Performance Insights", " 7"),
    # unknown keys
    ("staging", {"postgres.majr": 16}, "postgres.majr", "major, instanceClass", "did you mean `postgres.major`?", "config rm"),
    ("staging", {"postgres.multi_az": True}, "postgres.multi_az", "major, instanceClass", "did you mean `postgres.multiAz`?", "config rm"),
    ("staging", {"unlok": True}, "unlok", "platform, account", "did you mean `unlock`?", "rm --stack staging nautilus-infra:unlok"),
    ("staging", {"zebra": 1}, "zebra", "platform, account", "is not a setting", "config rm"),
    ("account", {"network": {"cidr": "10.0.0.0/16"}}, "network", "platform, account, alarms, access or unlock", "is not a setting", "config rm"),
    # missing
    ("staging", {"account.id": REMOVED}, "account.id", "12 digits", "is needed", " 123456789012"),
    ("staging", {"platform.owner": REMOVED}, "platform.owner", "1 to 128 letters", "is needed", " platform-team"),
    ("staging", {"network": REMOVED}, "network.cidr", "an IPv4 network", "is needed", " 10.20.0.0/16"),
    ("staging", {"edge": REMOVED}, "edge.dns.domain", "a domain name", "is needed", " nautilus.example.com"),
    # secrets
    ("staging", {"platform.owner": SECRET}, "platform.owner", "1 to 128 letters", "belongs in Secrets Manager", " platform-team"),
    ("staging", {"cache": Secret(inside=True)}, "cache", "", "holds an encrypted value", "nautilus config check --stack staging"),
    # identity
    ("staging", {"platform.environment": "paper"}, "platform.environment", "staging", "must equal the stack's name, staging", " staging"),
    ("account", {"platform.environment": "prod"}, "platform.environment", "account", "must equal the stack's name, account", " account"),
    ("staging", {"platform.project": "aws-desk"}, "platform.project", "another start", "starts with `aws`", " nautilus"),
    ("staging", {"platform.tags": {"owner": "me"}}, "platform.tags.owner", "other names", "collide with the tag `Owner`", "config rm"),
    ("staging", {"account.drRegion": "us-east-1"}, "account.drRegion", "other than us-east-1", "must differ", " us-west-2"),
    ("account", {"account.drRegion": "us-east-1"}, "account.drRegion", "other than us-east-1", "must differ", " us-west-2"),
    ("staging", {"alarms.emails": ["a@b.cd", "A@b.cd"]}, "alarms.emails[1]", "each address once", "is named twice", "config rm"),
    # egress
    ("staging", {"egress.domains": {"https://x.y": "some words"}}, 'egress.domains["https://x.y"]', "a domain in lower case", "has a name that", "config rm"),
    ("staging", {"egress.domains": {".com": "some words"}}, 'egress.domains[".com"]', "a domain in lower case", "has a name that", "config rm"),
    ("staging", {"egress.domains": {"api.x.com:70000": "some words"}}, 'egress.domains["api.x.com:70000"]', "a domain in lower case", "above 65,535", "config rm"),
    ("staging", {"egress.domains": {".co.uk": "some words"}}, 'egress.domains[".co.uk"]', "of one owner", "anybody can have a name", "config rm"),
    ("staging", {"egress.domains": {".us-east-1.amazonaws.com": "some words"}}, 'egress.domains[".us-east-1.amazonaws.com"]', "of one owner", "below amazonaws.com", "config rm"),
    ("staging", {"egress.domains": {".x.com": "some words", "a.x.com": "some words"}}, 'egress.domains["a.x.com"]', "each name once", "is covered by .x.com", "config rm"),
    ("staging", {"egress.domains": {"dns.x.com:853": "some words"}}, 'egress.domains["dns.x.com:853"]', "another port", "VPC's resolver", "config rm"),
    ("staging", {"egress.domains": {"api.x.com": "a;b"}}, 'egress.domains["api.x.com"]', "4 to 120 letters", "is not of the form", "market data of the desk"),
    ("staging", {"egress.addresses": {"0.0.0.0/0:443": "some words"}}, 'egress.addresses["0.0.0.0/0:443"]', "/20 to /32", "is a /0", "config rm"),
    ("staging", {"egress.addresses": {"8.0.0.0/8:443": "some words"}}, 'egress.addresses["8.0.0.0/8:443"]', "/20 to /32", "is a /8", "config rm"),
    ("staging", {"egress.addresses": {"8.8.8.1/24:443": "some words"}}, 'egress.addresses["8.8.8.1/24:443"]', "an IPv4 network", "8.8.8.0/24 is meant", "config rm"),
    ("staging", {"egress.addresses": {"10.1.0.0/24:443": "some words"}}, 'egress.addresses["10.1.0.0/24:443"]', "a public network", "is not public", "config rm"),
    ("staging", {"egress.addresses": {"8.8.8.0/24:4001-4000": "some words"}}, 'egress.addresses["8.8.8.0/24:4001-4000"]', "an IPv4 network", "does not rise", "config rm"),
    ("staging", {"egress.addresses": {"8.8.8.0/24:10000-10200": "some words"}}, 'egress.addresses["8.8.8.0/24:10000-10200"]', "at most 100 ports", "opens 201 ports", "config rm"),
    ("staging", {"egress.addresses": {"8.8.8.0/24:53": "some words"}}, 'egress.addresses["8.8.8.0/24:53"]', "ports without 53", "VPC's resolver", "config rm"),
    ("staging", {"egress.addresses": {"8.8.8.0/24:80": "some words", "8.8.8.8/32:70-90": "some words"}}, 'egress.addresses["8.8.8.8/32:70-90"]', "do not overlap", "overlaps 8.8.8.0/24:80", "config rm"),
    ("staging", {"egress.threatSignatures": ["ThreatSignaturesDoS", "ThreatSignaturesDoS"]}, "egress.threatSignatures", "each group once", "names a group twice", "threatSignatures[0]=ThreatSignaturesDoS"),
    ("staging", {"network.existing": own_vpc(SUBNETS[:3], SUBNETS[3:6], SUBNETS[6:9])}, "egress.mode", "off", "brought along", " off"),
    ("staging", {"egress.emergency": {"reason": "incident 4711: broker moved its servers", "expires": "2026-12-01", "reviewer": "security"}}, "egress.emergency", "domains, addresses or both", "names neither", "config rm"),
    ("staging", {"egress.emergency": {"reason": "incident 4711: broker moved its servers", "expires": "2026-02-30", "reviewer": "security", "domains": {"a.x.com": "some words"}}}, "egress.emergency.expires", "a day as YYYY-MM-DD", "not a day of the calendar", " 2026-12-31"),
    ("staging", {"egress.emergency": {"reason": "too short", "expires": "2026-12-01", "reviewer": "security", "domains": {"a.x.com": "some words"}}}, "egress.emergency.reason", "20 to 200 letters", "is not of the form", "incident 4711"),
    ("staging", {"egress.emergency": {"reason": "incident 4711: broker moved its servers", "expires": "2026-12-01", "reviewer": "security", "domains": {".github.io": "some words"}}}, 'egress.emergency.domains[".github.io"]', "of one owner", "anybody can have a name", "config rm"),
    ("staging", {"egress.mode": "off", "egress.emergency": {"reason": "incident 4711: broker moved its servers", "expires": "2026-12-01", "reviewer": "security", "domains": {"a.x.com": "some words"}}}, "egress.emergency", "only beside a firewall", "has no effect", "config rm"),
    # network
    ("staging", {"network.cidr": "10.0.0.0/15"}, "network.cidr", "/16 to /20", "is a /15", " 10.0.0.0/16"),
    ("staging", {"network.cidr": "10.20.16.0/21"}, "network.cidr", "/16 to /20", "is a /21", " 10.20.0.0/16"),
    ("staging", {"network.cidr": "100.64.0.0/16"}, "network.cidr", "10.0.0.0/8", "is not private", " 10.20.0.0/16"),
    ("staging", {"network.cidr": "172.17.0.0/16"}, "network.cidr", "outside 172.17.0.0/16", "Docker's own network", " 10.20.0.0/16"),
    ("staging", {"network.peerCidrs": ["10.20.128.0/20"]}, "network.peerCidrs[0]", "outside 10.20.0.0/16", "overlaps network.cidr", "config rm"),
    ("staging", {"network.peerCidrs": ["10.9.0.0/16", "10.9.1.0/24"]}, "network.peerCidrs[1]", "do not overlap", "overlaps network.peerCidrs[0]", "config rm"),
    ("staging", {"network.zones": ["a", "b", "b"]}, "network.zones", "each letter once", "names a zone twice", "zones[2]=c"),
    ("staging", {"account.region": "ca-central-1"}, "network.zones", "a, b, d", "ca-central-1 has no zone c", "zones[2]=d"),
    ("staging", {"network.zones": ["a", "b"]}, "network.zones", "3 to 6 zones", "TimescaleDB runs one node in each of three", "zones[2]=c"),
    ("staging", {"network.dns.firewall": "log"}, "network.dns.firewall", "off, alert or block", "is not one of the choices", " block"),
    ("staging", {"network.dns.allowedDomains": ["https://x.y"]}, "network.dns.allowedDomains[0]", "a domain in lower case", "is not of the form", "config rm"),
    ("staging", {"network.dns.allowedDomains": ["a.*.com"]}, "network.dns.allowedDomains[0]", "a domain in lower case", "is not of the form", "config rm"),
    ("staging", {"network.dns.blockedDomains": ["*"]}, "network.dns.blockedDomains[0]", "a domain in lower case", "is not of the form", "config rm"),
    ("staging", {"network.dns.allowedDomains": ["a.example.org"], "network.dns.blockedDomains": ["a.example.org"]}, "network.dns.blockedDomains[0]", "a name in one list", "allowedDomains too", "config rm"),
    ("staging", {"network.dns.blockedDomains": ["*.ibllc.com"]}, "network.dns.blockedDomains[0]", "does not need", "which egress.domains lets out", "config rm"),
    ("staging", {"network.dns.blockedDomains": ["*.example.com"]}, "network.dns.blockedDomains[0]", "does not need", "the platform's own domain", "config rm"),
    ("staging", {"network.dns.blockedDomains": ["*.amazonaws.com"]}, "network.dns.blockedDomains[0]", "does not need", "AWS's own names are", "config rm"),
    ("staging", {"network.dns.blockedDomains": ["x.example.org", "logs.us-east-1.amazonaws.com"]}, "network.dns.blockedDomains[1]", "does not need", "which the platform looks up", "config rm"),
    ("staging", {"network.existing": own_vpc(SUBNETS[:2], SUBNETS[3:6], SUBNETS[6:9]), "egress.mode": "off"}, "network.existing.publicSubnetIds", "3 subnets", "lists 2 subnets for 3 zones", "publicSubnetIds[2]="),
    ("staging", {"network.existing": own_vpc(SUBNETS[:3], SUBNETS[2:5], SUBNETS[6:9]), "egress.mode": "off"}, "network.existing.appSubnetIds[0]", "each subnet once", "publicSubnetIds[2] too", "subnet-"),
    # edge
    ("staging", {"edge.dns.certificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/x"}, "edge.dns.certificateArn", "acm:us-east-1", "lies in us-west-2", "acm:us-east-1"),
    ("staging", {"edge.dns.cdnCertificateArn": "arn:aws:acm:us-east-1:210987654321:certificate/x"}, "edge.dns.cdnCertificateArn", "123456789012", "belongs to account 210987654321", ":123456789012:"),
    ("staging", {"edge.dns.certificateArn": "arn:aws:iam::123456789012:server-certificate/x"}, "edge.dns.certificateArn", "ACM certificate", "is not of the form", " arn:aws:acm"),
    ("staging", {"edge.dns.domain": "a" * 54 + ".com"}, "edge.dns.domain", "at most 57", "is 58 characters long", " nautilus.example.com"),
    ("staging", {"edge.dns.zoneId": "Z0123456789ABCDEFGHIJ", "edge.dns.dnssec": "signing"}, "edge.dns.dnssec", "off with a zone", "signs a zone of ours alone", " off"),
    ("staging", {"edge.dns.standby": {"host": "web-1.us-east-1.elb.amazonaws.com", "zoneId": "Z35SXDOTRQ7X7K"}}, "edge.dns.standby.host", "another region", "stands in us-east-1", "us-west-2.elb"),
    ("staging", {"edge.dns.standby": {"host": "standby.example.com", "zoneId": "Z35SXDOTRQ7X7K"}}, "edge.dns.standby.host", "load balancer", "is not of the form", "elb.amazonaws.com"),
    ("staging", {"edge.dns.caaContact": "pki"}, "edge.dns.caaContact", "an e-mail address", "is not of the form", " oncall@example.com"),
    ("staging", {"edge.uptime.downSeconds": 45}, "edge.uptime.downSeconds", "30 to 300 in steps of 30", "is not 1 to 10 intervals", " 90"),
    ("staging", {"edge.uptime.intervalSeconds": 10, "edge.uptime.downSeconds": 110}, "edge.uptime.downSeconds", "10 to 100", "is not 1 to 10 intervals", " 30"),
    ("staging", {"edge.uptime.paths": ["/a", "/b/c", "/b-c"]}, "edge.uptime.paths[2]", "each path once", "is checked already", "config rm"),
    ("staging", {"edge.uptime.paths": ["health"]}, "edge.uptime.paths[0]", "a path", "is not of the form", "paths[1]=/health"),
    ("staging", {"edge.uptime.regions": ["us-east-1", "eu-west-1"]}, "edge.uptime.regions", "3 to 8", "fewer than 3", "regions[2]="),
    ("staging", {"edge.uptime.regions": ["us-east-1", "eu-west-1", "us-east-1"]}, "edge.uptime.regions[2]", "each region once", "is named twice", "ap-northeast-1"),
    ("staging", {"edge.cdn.blockedCountries": ["IE"]}, "edge.uptime.regions", "three or more of ap-northeast-1", "check from IE, which", "ap-southeast-1"),
    ("staging", {"edge.cdn.allowedCountries": ["NO"]}, "edge.uptime.enabled", "false", "too few regions left", " false"),
    ("staging", {"edge.loadBalancer.keepAliveSeconds": 30}, "edge.loadBalancer.keepAliveSeconds", "60 to 604,800", "is below 60", " 3600"),
    ("staging", {"edge.cdn.blockedCountries": ["NO", "XX"]}, "edge.cdn.blockedCountries[1]", "ISO 3166", "is not the code of a country", "config rm"),
    ("staging", {"edge.cdn.blockedCountries": ["KP", "KP"]}, "edge.cdn.blockedCountries[1]", "once", "is named twice", "config rm"),
    ("staging", {"edge.cdn.allowedCountries": ["US", "IE", "SG", "XX"]}, "edge.cdn.allowedCountries[3]", "ISO 3166", "is not the code of a country", "config rm"),
    ("staging", {"edge.cdn.allowedCountries": ["US", "IE", "SG"], "edge.cdn.blockedCountries": ["KP"]}, "edge.cdn.blockedCountries", "empty", "stands beside edge.cdn.allowedCountries", "config rm"),
    ("staging", {"edge.cdn.cachedPaths": {"/api/orders/*": 60}}, 'edge.cdn.cachedPaths["/api/orders/*"]', "market data", "one user's answer would be shown to others", "config rm"),
    ("staging", {"edge.cdn.cachedPaths": {"/api/*": 60}}, 'edge.cdn.cachedPaths["/api/*"]', "a path under /api/", "is not of the form", "config rm"),
    ("staging", {"edge.cdn.cachedPaths": {"/api/market/x": 86401}}, 'edge.cdn.cachedPaths["/api/market/x"]', "from 1 to 86,400", "is above 86,400", " 1"),
    ("staging", {"edge.waf.limits.login.windowSeconds": 90}, "edge.waf.limits.login.windowSeconds", "60, 120, 300 or 600", "is not one of the choices", " 300"),
    ("staging", {"edge.waf.limits.orders.requests": 9}, "edge.waf.limits.orders.requests", "from 10 to", "is below 10", " 300"),
    ("staging", {"edge.waf.blockedNetworks": ["0.0.0.0/0"]}, "edge.waf.blockedNetworks[0]", "/1 to /32", "is the whole internet", "config rm"),
    ("staging", {"edge.waf.allowedNetworks": ["10.1.0.0/16"]}, "edge.waf.allowedNetworks[0]", "public networks", "is not public", "config rm"),
    ("staging", {"edge.waf.blockedNetworks": ["8.8.8.0/24", "8.8.8.0/24"]}, "edge.waf.blockedNetworks[1]", "each network once", "is named twice", "config rm"),
    ("staging", {"edge.waf.blockedNetworks": ["8.8.0.0/16"], "edge.waf.allowedNetworks": ["8.8.8.8/32"]}, "edge.waf.allowedNetworks[0]", "outside those that are refused", "it is never let in", "config rm"),
    ("staging", {"edge.waf.pathLimits": {"/api/auth/login": 50}}, 'edge.waf.pathLimits["/api/auth/login"]', "other paths", "edge.waf.limits.login", "config rm"),
    ("staging", {"edge.waf.uploadPaths": ["/api/x", "/api/x"]}, "edge.waf.uploadPaths[1]", "each path once", "is named twice", "config rm"),
    ("staging", {"edge.waf.uploadPaths": [f"/api/u{n}" for n in range(20)]}, "edge.waf.capacity", "1,768 to 5,000", "weigh up to 1,768", " 2000"),
    ("staging", {"edge.waf.accountTakeover.usernameField": "user"}, "edge.waf.accountTakeover.usernameField", "a JSON pointer", "payload = JSON", " /user"),
    ("staging", {"edge.waf.accountTakeover": {"payload": "FORM_ENCODED", "usernameField": "user"}}, "edge.waf.accountTakeover.passwordField", "a form field's name", "payload = FORM_ENCODED", " password"),
    ("prod", {"edge.waf.accountTakeover.enabled": False}, "edge.waf.accountTakeover.enabled", "true", "does not do for production", " true"),
    # access
    ("staging", vpn(serverCertificateArn=REMOVED), "access.vpn.serverCertificateArn", "acm:us-east-1:123456789012", "is needed for the VPN server", " arn:aws:acm"),
    ("staging", vpn(samlProviderArn=REMOVED), "access.vpn.samlProviderArn", "123456789012:saml-provider/", "is needed for authentication: saml", " arn:aws:iam"),
    ("staging", vpn(samlProviderArn="arn:aws:iam::210987654321:saml-provider/vpn"), "access.vpn.samlProviderArn", "123456789012", "is not of account 123456789012", ":123456789012:"),
    ("staging", vpn(serverCertificateArn=CERTIFICATE.replace("us-east-1", "eu-west-1")), "access.vpn.serverCertificateArn", "acm:us-east-1", "and region us-east-1", "acm:us-east-1"),
    ("staging", vpn(selfServiceSamlProviderArn="vpn-portal"), "access.vpn.selfServiceSamlProviderArn", "saml-provider", "is not of the form", " arn:aws:iam"),
    ("staging", vpn(grants={}), "access.vpn.grants", "one group or more", "nobody could reach anything", "dba[0]=postgres"),
    ("staging", vpn(grants={"dba": ["postgres", "postgres"]}), "access.vpn.grants.dba", "each database once", "names a database twice", "dba[0]=postgres"),
    ("staging", vpn(grants={"dba": BOTH}) | {"timescale.enabled": False}, "access.vpn.grants.dba", "postgres", "timescale, which is off", "dba[0]=postgres"),
    ("staging", vpn(grants={f"g{n}": BOTH for n in range(9)}), "access.vpn.grants.g8", "at most 8 groups", "54 authorization rules", "config rm"),
    ("staging", vpn(clientCidr="10.255.252.0/23"), "access.vpn.clientCidr", "/12 to /22", "is a /23", " 10.255.252.0/22"),
    ("staging", vpn(clientCidr="8.8.0.0/16"), "access.vpn.clientCidr", "private or shared", "is neither private", " 10.255.252.0/22"),
    ("staging", vpn(clientCidr="10.20.0.0/22"), "access.vpn.clientCidr", "outside 10.20.0.0/16", "overlaps network.cidr", " 10.255.252.0/22"),
    ("staging", vpn() | {"network.peerCidrs": ["10.255.0.0/16"]}, "access.vpn.clientCidr", "outside 10.255.0.0/16", "overlaps network.peerCidrs[0]", " 172.31.252.0/22"),
    ("staging", vpn(sessionHours=9), "access.vpn.sessionHours", "8, 10, 12 or 24", "is not one of the choices", " 8"),
    ("staging", mutual(rootCertificateChainArn=REMOVED), "access.vpn.rootCertificateChainArn", "acm:us-east-1", "is needed for clients' certificates", " arn:aws:acm"),
    ("staging", mutual(grants={"dba": BOTH}), "access.vpn.grants", "unset", "certificates carry no groups", "config rm"),
    ("staging", mutual(selfServiceSamlProviderArn=SAML), "access.vpn.selfServiceSamlProviderArn", "unset", "the portal asks SAML", "config rm"),
    ("prod", mutual(samlProviderArn=SAML), "access.vpn.authentication", "saml", "administrators need two", " saml"),
    ("prod", vpn(landing="single"), "access.vpn.landing", "per-zone", "lost with its zone", " per-zone"),
    # data
    ("staging", {"postgres.maxStorageGb": 109}, "postgres.maxStorageGb", "110 or more", "at least 10 % above", " 110"),
    ("staging", {"postgres.iops": 12000}, "postgres.iops", "unset", "from 400 GiB up", "config rm"),
    ("staging", {"postgres.user": "postgres"}, "postgres.user", "another name", "keeps for itself", " nautilus_admin"),
    ("staging", {"postgres.user": "rds_boss"}, "postgres.user", "another name", "keeps for itself", " nautilus_admin"),
    ("staging", {"postgres.database": "select"}, "postgres.database", "another name", "keeps for itself", " nautilus"),
    ("staging", {"services.backend.maxTasks": 12}, "postgres.maxConnections", "530 or more", "2 × 12 tasks × 20 connections = 480", " 530"),
    ("staging", {"services.backend.maxTasks": 400, "services.backend.poolMax": 100}, "postgres.maxConnections", "a smaller services.backend.maxTasks", "= 80,000", " 500"),
    ("staging", {"timescale.placement": "rds"}, "timescale.placement", "ec2", "RDS refuses `shared_preload_libraries", " ec2"),
    ("staging", {"timescale.major": 17}, "timescale.major", "16", "must equal postgres.major = 16", " 16"),
    ("staging", {"timescale.volumeGb": 20, "timescale.volumeIops": 12000}, "timescale.volumeIops", "3,000 to 10,000", "more than 500 for each", " 10000"),
    ("staging", {"cache.version": "7.1"}, "cache.version", "7.2, 8.0", "is not a version of valkey", " 7.2"),
    ("staging", {"cache.engine": "redis", "cache.version": "8.0"}, "cache.version", "7.0 or 7.1", "is not a version of redis", " 7.0"),
    ("staging", {"backup.dailyDays": 90}, "backup.weeklyDays", "90 or more", "is less than backup.dailyDays = 90", " 90"),
    ("staging", {"backup.weeklyDays": 400}, "backup.monthlyDays", "400 or more", "is less than backup.weeklyDays = 400", " 400"),
    ("staging", {"backup.lock": "compliance"}, "backup.acknowledgeCompliance", "this lock can never be removed", "is needed for backup.lock", "backup.lock governance"),
    # workloads
    ("staging", {"services.backend.memory": 5000}, "services.backend.memory", "8,192 to 30,720 in steps of 1,024", "is not a size that Fargate offers", " 8192"),
    ("staging", {"services.engine.cpu": 256}, "services.engine.memory", "512, 1,024 or 2,048", "services.engine.cpu = 256", " 2048"),
    ("staging", {"services.ibGateway.memory": 8193}, "services.ibGateway.memory", "in steps", "is not a size", " 8192"),
    ("staging", {"services.engine.imageDigest": REMOVED}, "services.engine.imageDigest", "`sha256:`", "is needed in phase `services`", "platform.phase foundation"),
    ("staging", {"services.backend.imageDigest": None}, "services.backend.imageDigest", "`sha256:`", "is needed in phase `services`", "platform.phase foundation"),
    ("staging", {"services.frontend.minTasks": 11}, "services.frontend.maxTasks", "11 or more", "is below services.frontend.minTasks = 11", " 11"),
    ("staging", {"services.frontend.poolMin": 30}, "services.frontend.poolMax", "30 to 100", "is below services.frontend.poolMin = 30", " 30"),
    ("staging", {"services.backend.rollout.steps": [50, 10, 100]}, "services.backend.rollout.steps", "rise to 100", "must rise", "steps[0]=10"),
    ("staging", {"services.backend.rollout.steps": [10, 50]}, "services.backend.rollout.steps", "rise to 100", "exactly 100", "steps[2]=100"),
    ("staging", {"services.backend.rollout.steps": [11, 50, 100]}, "services.backend.rollout.steps", "common divisor", "ECS cannot shift", "steps[0]=10"),
    ("staging", {"services.backend.rollout.holdMinutes": 20}, "services.backend.rollout.holdMinutes", "less than 30", "2 × 20 minutes and 5 more, 45 in all", " 12"),
    ("staging", {"services.backend.rollout.bakeMinutes": 60}, "services.backend.rollout.bakeMinutes", "less than 30", "70 in all", " 19"),
    ("staging", {"trading.mode": "live"}, "trading.mode", "live in production alone", "staging never trades with real money", " paper"),
    ("paper", {"trading.mode": "live", "trading.acknowledgeLiveTrading": PHRASE}, "trading.mode", "live in production alone", "paper never trades", " paper"),
    ("prod", {"trading.acknowledgeLiveTrading": REMOVED}, "trading.acknowledgeLiveTrading", PHRASE, "is needed for trading.mode = live", f"'{PHRASE}'"),
    ("prod", {"trading.mode": "paper"}, "trading.mode", "live", "must be live in production", " live"),
    # production's invariants
    ("prod", {"platform.logDays": 180}, "platform.logDays", "365 or more", "a year of logs", " 365"),
    ("prod", {"network.zones": ["a", "b"], "timescale.enabled": False}, "network.zones", "3 zones or more", "two zones must be left", "zones[2]=c"),
    ("prod", {"network.nat": "single"}, "network.nat", "per-zone", "is lost with its zone", " per-zone"),
    ("prod", {"network.endpoints": "none"}, "network.endpoints", "full or essential", "way to the internet is closed", " full"),
    ("prod", {"postgres.multiAz": False}, "postgres.multiAz", "true", "survives the loss of a zone", " true"),
    ("prod", {"postgres.replicas": 0}, "postgres.replicas", "1 to 5", "a primary and a replica", " 1"),
    ("prod", {"postgres.finalSnapshot": False}, "postgres.finalSnapshot", "true", "something to restore from", " true"),
    ("prod", {"cache.replicas": 0}, "cache.replicas", "1 to 5", "nothing to fail over to", " 2"),
    ("prod", {"backup.lock": "none"}, "backup.lock", "governance or compliance", "protect against nobody", " governance"),
    ("prod", {"services.backend.minTasks": 1}, "services.backend.minTasks", "2 or more", "lost with its zone", " 2"),
    ("prod", {"services.frontend.minTasks": 1}, "services.frontend.minTasks", "2 or more", "lost with its zone", " 2"),
    ("prod", {"alarms.emails": []}, "alarms.emails", "one address or more", "somebody must hear", "emails[0]=oncall@example.com"),
]  # fmt: skip
