"""One wrong value each, as a table."""

from __future__ import annotations

from typing import Any

from infra.settings.yaml_reader import SECRET, Secret
from tests.settings.samples import REMOVED

PHRASE = "orders from this stack move real money"
SUBNETS = [f"subnet-{number:017x}" for number in range(12)]


def own_vpc(public: list[str], app: list[str], data: list[str]) -> dict[str, Any]:
    return {"vpcId": "vpc-0123456789abcdef0", "publicSubnetIds": public, "appSubnetIds": app, "dataSubnetIds": data}


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
    ("account", {"network": {"cidr": "10.0.0.0/16"}}, "network", "platform, account, alarms or unlock", "is not a setting", "config rm"),
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
    ("staging", {"network.existing": own_vpc(SUBNETS[:2], SUBNETS[3:6], SUBNETS[6:9])}, "network.existing.publicSubnetIds", "3 subnets", "lists 2 subnets for 3 zones", "publicSubnetIds[2]="),
    ("staging", {"network.existing": own_vpc(SUBNETS[:3], SUBNETS[2:5], SUBNETS[6:9])}, "network.existing.appSubnetIds[0]", "each subnet once", "publicSubnetIds[2] too", "subnet-"),
    # edge
    ("staging", {"edge.dns.certificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/x"}, "edge.dns.certificateArn", "acm:us-east-1", "lies in us-west-2", "acm:us-east-1"),
    ("staging", {"edge.dns.cdnCertificateArn": "arn:aws:acm:us-east-1:210987654321:certificate/x"}, "edge.dns.cdnCertificateArn", "123456789012", "belongs to account 210987654321", ":123456789012:"),
    ("staging", {"edge.dns.certificateArn": "arn:aws:iam::123456789012:server-certificate/x"}, "edge.dns.certificateArn", "ACM certificate", "is not of the form", " arn:aws:acm"),
    ("staging", {"edge.dns.domain": "a" * 54 + ".com"}, "edge.dns.domain", "at most 57", "is 58 characters long", " nautilus.example.com"),
    ("staging", {"edge.cdn.blockedCountries": ["NO", "XX"]}, "edge.cdn.blockedCountries[1]", "ISO 3166", "is not the code of a country", "config rm"),
    ("staging", {"edge.cdn.blockedCountries": ["KP", "KP"]}, "edge.cdn.blockedCountries[1]", "once", "is named twice", "config rm"),
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
