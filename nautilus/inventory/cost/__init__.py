"""What planned resources cost a month: arithmetic on an inventory's records and the dated price table, nothing else.

Counted is what has a fixed price, by hour or month. What is billed by use is named and not counted, unless a volume is given. A type
that the table does not know, or a size without a price, is reported as not priced: nothing is silently zero.

`pricers` says which function prices which type; they stand in `machines`, `edges` and `upkeep` and see a `scene`. `estimates` adds a stack
up, `volumes` prices what moves, `networks` compares ways to build the network.
"""

from nautilus.inventory.cost.edges import FREE_ENDPOINTS, PAID_GROUPS
from nautilus.inventory.cost.estimates import Estimate, Line, Unpriced, estimate, priced_elsewhere, regions, use_note
from nautilus.inventory.cost.networks import BreakEven, NetworkProfile, break_even, profiles, zones
from nautilus.inventory.cost.pricers import NOTHING_FIXED, PRICERS, known_types
from nautilus.inventory.cost.volumes import Usage, usage

__all__ = [
    "FREE_ENDPOINTS",
    "NOTHING_FIXED",
    "PAID_GROUPS",
    "PRICERS",
    "BreakEven",
    "Estimate",
    "Line",
    "NetworkProfile",
    "Unpriced",
    "Usage",
    "break_even",
    "estimate",
    "known_types",
    "priced_elsewhere",
    "profiles",
    "regions",
    "usage",
    "use_note",
    "zones",
]
