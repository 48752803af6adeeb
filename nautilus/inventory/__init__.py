"""Planned or exported resources as typed records and one graph.

Takes plain documents (event log, preview, state, mocks) and imports no other room. `network` reads the network out of it, `reach` proves
who reaches whom, `firewall` what leaves to which host (by rules in `suricata`), `audit` lists what is wrong, `matrix` and `picture` show it,
`cost` prices it. What they share: `values` and `references` read properties, `tokens` names types, `names` the things, `addresses` and
`ports` say where and on what.
"""

from nautilus.inventory.loaders import InventoryError, from_events, from_mocks, from_preview, from_state, load
from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.values import SECRET, UNKNOWN, redact

__all__ = [
    "SECRET",
    "UNKNOWN",
    "Inventory",
    "InventoryError",
    "PlannedResource",
    "from_events",
    "from_mocks",
    "from_preview",
    "from_state",
    "load",
    "redact",
]
