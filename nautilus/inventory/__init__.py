"""Planned or exported resources as typed records and one graph.

Takes plain documents (event log, preview, state, mocks) and imports no other room. `network` reads the network out of it, `reach` proves
who reaches whom, `audit` lists what is wrong, `matrix` and `picture` show it.
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
