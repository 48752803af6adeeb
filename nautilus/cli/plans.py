"""The plan of a stack as an inventory: a preview in the sandbox, from an empty state, with every dependency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus.cli.errors import CannotTellError

if TYPE_CHECKING:
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
