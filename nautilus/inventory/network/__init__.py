"""The network that a plan draws: subnets with their routes and NACLs, security groups, what stands where, and what forwards.

Read from types and properties alone, so it says what AWS would do with the plan, not what the program meant. `model` holds the records,
`plan` the indexes, and a module each reads routes, NACLs, subnets, groups, placements, load balancers and CloudFront's origins.
"""

from nautilus.inventory.network.model import (
    OPEN_NACL,
    Backend,
    Balancer,
    Entry,
    Goal,
    Listener,
    Nacl,
    Network,
    Origin,
    Permission,
    Route,
    Subnet,
    Table,
    Thing,
)
from nautilus.inventory.network.reading import read

__all__ = [
    "OPEN_NACL",
    "Backend",
    "Balancer",
    "Entry",
    "Goal",
    "Listener",
    "Nacl",
    "Network",
    "Origin",
    "Permission",
    "Route",
    "Subnet",
    "Table",
    "Thing",
    "read",
]
