"""The plan of a stack as an inventory: a preview in the sandbox, from an empty state, with every dependency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus.cli.errors import BadUseError, CannotTellError

if TYPE_CHECKING:
    from pathlib import Path

    from nautilus.cli.session import Session
    from nautilus.inventory import Inventory


def plan(session: Session) -> Inventory:
    """What an `up` of the session's stack would create. Needs no credentials and no network, and leaves the stack's state alone.

    Raises CliError when the preview fails.
    """
    from nautilus.cli.engines import planned
    from nautilus.inventory.loaders import InventoryError, find_document, from_preview

    result = session.watch("plan", lambda on_event: planned(session.project, session.stack, session.config_dir, session.say, on_event))
    session.judge(result, "plan", locked=False)
    try:
        return from_preview(find_document(result.output_log.read_text("utf-8")))
    except InventoryError as error:
        raise CannotTellError("engine", f"the preview's document cannot be read: {error}", log=str(result.output_log)) from error


def inventory_of(stack: str, source: Path | None, config_dir: Path | None, *, as_json: bool) -> Inventory:
    """What a command that reads planned resources works on: the file `source`, or else a new plan of the stack.

    Raises CliError: BadUseError for a file that cannot be read, CannotTellError for one without resources.
    """
    from nautilus.inventory.loaders import InventoryError, load

    if source is None:
        from nautilus.cli.session import open_session

        return plan(open_session(stack, config_dir=config_dir, as_json=as_json, sandbox=True))
    try:
        found = load(source.read_text("utf-8"))
    except InventoryError as error:
        raise BadUseError(str(error), where=str(source)) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadUseError(f"cannot be read: {reason}", where=str(source)) from error
    if not found.real:
        raise CannotTellError("empty", "it holds no resources: nothing can be said about a stack that is not up", where=str(source))
    return found


def with_network(inventory: Inventory, where: str) -> Inventory:
    """The inventory, which must have a network to speak about.

    Raises CannotTellError for a stack without one, such as `account`.
    """
    from nautilus.inventory.tokens import GROUPS

    if not inventory.of_type(*GROUPS):
        raise CannotTellError("no-network", "there is no security group in it, so there is no network to judge", where=where)
    return inventory
