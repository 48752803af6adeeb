"""Who reaches whom: a path through security groups, NACLs, routes, firewalls and forwarders, or where every attempt ends.

A path exists if it exists for some address of the source and some of the target, so that "no" holds for all of them. A value that only an
`up` can know makes the answer "cannot tell" where it decides. Only TCP over IPv4 is proved; IPv6 routes out are reported as a doubt.

A CloudFront distribution and a load balancer open a connection of their own to what is behind them: a path through them is an
`application` path. Whoever may reach the forwarder reaches the target's port, though only in the forwarder's protocol. A detour from inside over the
internet to the platform's own front door counts as the two questions that it is, not as a path.

`proof` holds the answers, `places` and `trial` what an attempt works with, `guards` asks security groups and NACLs, `walks` follows routes,
`connections` tries one connection, `forwarding` searches paths through what forwards, and `prover` puts the questions.
"""

from nautilus.inventory.reach.proof import Answer, Attempt, Ending, Hop, Proof, UnknownNameError
from nautilus.inventory.reach.prover import Prover, prove

__all__ = ["Answer", "Attempt", "Ending", "Hop", "Proof", "Prover", "UnknownNameError", "prove"]
