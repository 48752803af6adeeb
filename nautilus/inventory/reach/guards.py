"""What guards a thing: the security groups on it, and the NACL at its subnet's border."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import pairwise
from typing import Final

from nautilus.inventory.addresses import CLOUDFRONT_LIST, STRANGE_LIST, is_public
from nautilus.inventory.names import CLOUDFRONT, INTERNET
from nautilus.inventory.network import Nacl, Network, Permission, Subnet, Thing
from nautilus.inventory.ports import ALL_PORTS, CLOSED, NO_PORTS, Open, Ports, exactly, meet, ports_text, without
from nautilus.inventory.reach.places import Peer, Place
from nautilus.inventory.reach.proof import Hop
from nautilus.inventory.reach.trial import Trial

EPHEMERAL: Final[Ports] = ((1024, 65_535),)
"""Ports that answers may go to: load balancers and NAT gateways take all of them, Linux 32768 to 60999 (Amazon VPC guide)."""


class Guards:
    """Asks the groups and NACLs of one network; what it has worked out it keeps."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._rules: dict[tuple[str, bool, Peer], tuple[tuple[Permission, bool], ...]] = {}
        self._nacls: dict[tuple[str, bool, IPv4Network | None], Open] = {}

    def group(self, trial: Trial, place: Place, peer: Peer, other: str, *, inward: bool, explain: bool, also: Peer | None = None) -> bool:
        """The security groups of one side. `also` is a second address that the connection carries."""
        thing = place.thing
        if thing is None:
            return True
        verb = "from" if inward else "to"
        if thing.ungrouped:
            trial.hops.append(Hop("security group", f"{thing.resource.name} has none: everything passes", thing.resource.path))
            return True
        rules = [pair for one in (peer, also) if one is not None for pair in self._matching(thing, inward, one)]
        passes = CLOSED
        for rule, sure in rules:
            passes |= Open(rule.ports if sure else NO_PORTS, rule.ports)
        if thing.groups_unknown:
            passes |= Open(NO_PORTS, ALL_PORTS)
        asked = trial.open.maybe

        def which() -> str:
            names = ", ".join(self.network.inventory[urn].name for urn in thing.groups) or "unknown groups"
            return f"no rule of security group {names} lets {ports_text(asked)} {'in' if inward else 'out'} {verb} {other}"

        if not trial.through(passes, which):
            return False
        if explain:
            left = trial.open.maybe
            fits = sorted((not sure, rule.title, index) for index, (rule, sure) in enumerate(rules) if meet(rule.ports, left))
            if fits:
                rule = rules[fits[0][2]][0]
                owner = self.network.inventory[rule.group].name
                way = "in" if inward else "out"
                text = f"{owner} lets {ports_text(meet(rule.ports, left))} {way} {verb} {other}: rule {rule.title}"
                trial.hops.append(Hop("security group", text, rule.resource.path))
        return True

    def _matching(self, thing: Thing, inward: bool, peer: Peer) -> tuple[tuple[Permission, bool], ...]:
        """The rules of a thing's groups that admit a peer, each with whether that is certain."""
        found: list[tuple[Permission, bool]] = []
        for urn in thing.groups:
            key = (urn, inward, peer)
            if key not in self._rules:
                rules = (
                    (rule, _admits(self.network, rule, peer)) for rule in self.network.permissions.get(urn, ()) if rule.inward is inward
                )
                self._rules[key] = tuple((rule, sure and not rule.vague) for rule, sure in rules if sure is not None)
            found += self._rules[key]
        return tuple(found)

    def _nacl(self, nacl: Nacl | None, egress: bool, block: IPv4Network | None) -> Open:
        """What a NACL lets pass to or from a block; without a block the internet."""
        if nacl is None:
            return Open(NO_PORTS, ALL_PORTS)
        key = (nacl.urn, egress, block)
        if key not in self._nacls:
            self._nacls[key] = _judge(nacl, egress, block)
        return self._nacls[key]

    def nacl(self, subnet: Subnet, *, egress: bool) -> Open:
        """What a subnet's NACL lets pass to (`egress`) or from the internet."""
        return self._nacl(subnet.nacl, egress, None)

    def border(
        self, trial: Trial, subnet: Subnet, egress: bool, block: IPv4Network | None, *, reply: bool, outside: bool, explain: bool
    ) -> bool:
        """One crossing of a subnet's border. `reply` judges the answers, on ephemeral ports."""
        if block is None and not outside:
            trial.doubt(f"the address block beyond {subnet.name} is unknown")
            return True
        passes = self._nacl(subnet.nacl, egress, None if outside else block)
        name = subnet.nacl.name if subnet.nacl is not None else "unknown"
        asked = trial.open.maybe

        def way() -> str:
            return f"{'out to' if egress else 'in from'} {'the internet' if outside else block}"

        if not reply:
            if not trial.through(passes, lambda: f"NACL {name} of {subnet.name} lets none of {ports_text(asked)} {way()}"):
                return False
        else:
            back = passes & exactly(EPHEMERAL)
            if not back.maybe:
                trial.end(f"NACL {name} of {subnet.name} lets no answer {way()} (ports {ports_text(EPHEMERAL)})")
                return False
            if not back.sure:
                trial.doubt(f"cannot tell whether NACL {name} of {subnet.name} lets answers {way()}")
        if explain and subnet.nacl is not None:
            numbers = _entries(subnet.nacl, egress, None if outside else block, EPHEMERAL if reply else trial.open.maybe)
            what = "answers" if reply else ports_text(trial.open.maybe)
            resource = self.network.inventory[subnet.nacl.urn].path if subnet.nacl.urn else ""
            trial.hops.append(Hop("NACL", f"{name} of {subnet.name} lets {what} {way()}: entry {numbers}", resource))
        return True

    def borders(
        self,
        trial: Trial,
        subnets: tuple[Subnet, ...],
        near: IPv4Network | None,
        far: IPv4Network | None,
        *,
        reply: bool = False,
        near_outside: bool = False,
        far_outside: bool = False,
        explain: bool = False,
    ) -> bool:
        """Every border on a walk from `near` to `far`: out of each subnet and into the next."""
        for here, there in pairwise(subnets):
            if here.urn == there.urn:
                continue
            if not self.border(trial, here, True, far, reply=reply, outside=far_outside, explain=explain):
                return False
            if not self.border(trial, there, False, near, reply=reply, outside=near_outside, explain=explain):
                return False
        return True


def _admits(network: Network, rule: Permission, peer: Peer) -> bool | None:
    """True: the peer is meant; False: perhaps; None: not."""
    planned = [block for name in rule.lists for block in network.prefix_lists.get(name, ())]
    perhaps = rule.unknown
    if peer.outside:
        public = [block for block in (*rule.blocks, *planned) if is_public(block)]
        meant = (CLOUDFRONT_LIST in rule.lists) if peer.outside == CLOUDFRONT else (peer.outside != INTERNET and peer.outside in rule.lists)
        # A narrow public block is somebody on the internet, but nobody knows whether it is this service of AWS.
        wide = peer.outside == INTERNET or any(block.prefixlen == 0 for block in public)
        if meant or (public and wide):
            return True
        perhaps = perhaps or bool(public) or STRANGE_LIST in rule.lists
    else:
        if rule.groups & peer.groups or (rule.itself and rule.group in peer.groups):
            return True
        blocks = (*rule.blocks, *planned)
        if peer.block is not None and any(block.overlaps(peer.block) for block in blocks):
            return True
        perhaps = perhaps or (peer.block is None and bool(blocks)) or (peer.groups_unknown and bool(rule.groups or rule.itself))
    return False if perhaps and rule.ports else None


def _fits(entry: IPv4Network | None, block: IPv4Network | None) -> bool:
    if entry is None:
        return True
    return is_public(entry) if block is None else entry.overlaps(block)


def _judge(nacl: Nacl, egress: bool, block: IPv4Network | None) -> Open:
    """Entries in the order of their numbers: the first that fits decides (AWS: network ACL rules)."""
    left = exactly(ALL_PORTS)
    allowed = CLOSED
    for entry in nacl.egress if egress else nacl.ingress:
        if entry.ipv6 or (not entry.unknown and not _fits(entry.block, block)):
            continue
        if entry.unknown:
            allowed |= Open(NO_PORTS, meet(left.maybe, entry.ports)) if entry.allow else CLOSED
            left = Open(without(left.sure, entry.ports), left.maybe)
            continue
        whole = entry.block is not None and (entry.block.prefixlen == 0 if block is None else block.subnet_of(entry.block))
        if entry.allow:
            allowed |= Open(meet(left.sure, entry.ports), meet(left.maybe, entry.ports))
        # An entry for a part of the addresses decides nothing for the others.
        if whole:
            left = Open(without(left.sure, entry.ports), without(left.maybe, entry.ports))
    return allowed


def _entries(nacl: Nacl, egress: bool, block: IPv4Network | None, ports: Ports) -> str:
    """The numbers of the entries that allow some of the ports."""
    chosen = nacl.egress if egress else nacl.ingress
    numbers = [str(entry.number) for entry in chosen if entry.allow and _fits(entry.block, block) and meet(entry.ports, ports)]
    single = len(ports) == 1 and ports[0][0] == ports[0][1]
    return ", ".join(numbers[: 1 if single else 3]) or "of unknown number"
