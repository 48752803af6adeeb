"""The order of the steps. A failover and a failback are the same move in the two directions; a failback may lose nothing."""

from __future__ import annotations

from nautilus.ops.dr.actions import FillSecrets, FreeSecrets, Promote, Snapshot, WriteStack
from nautilus.ops.dr.gates import BrokerSessionGone, Confirmed, Halted, LeasesExpired, ReplicaFit, Vacant
from nautilus.ops.dr.people import Foundation, Images, MarketData, Names, Reconcile, Services
from nautilus.ops.dr.room import Room
from nautilus.ops.dr.step import Step

ORDER: tuple[type[Step], ...] = (
    Confirmed,
    Halted,
    BrokerSessionGone,
    LeasesExpired,
    Vacant,
    ReplicaFit,
    Promote,
    FreeSecrets,
    Snapshot,
    WriteStack,
    Foundation,
    FillSecrets,
    Images,
    Services,
    MarketData,
    Reconcile,
    Names,
)
"""Gates first; then the data, which cannot be taken back; then what is made of it. Trading is resumed by hand, after the last."""


def steps(room: Room) -> list[Step]:
    """The steps of a move."""
    return [step(room) for step in ORDER]
