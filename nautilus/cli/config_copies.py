"""`backup repository` and `backup verify`: the Git repository into the locked bucket, and whether the copies of the configuration can be read back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, StackOption

if TYPE_CHECKING:
    from rich.console import Console

    from nautilus.cli.session import Session


def now() -> datetime:
    """The time under which a bundle is filed."""
    return datetime.now(UTC)


def _open(stack: str | None, config_dir: Path | None, as_json: bool) -> tuple[Session, Any, str]:
    """The session, a client of S3, and the bucket's name."""
    from infra.naming import Names
    from nautilus.cli import account
    from nautilus.cli.session import open_platform

    session, settings = open_platform(
        stack,
        config_dir,
        as_json,
        local="the stack local lives on the simulated AWS and has no bucket",
        account_stack="the account stack holds no configuration to save",
    )
    aws = account.aws_session(session.region)
    account.check_account(aws, session.stack, settings.account.id)
    platform = settings.platform
    bucket = Names(platform.project, platform.environment.value).bucket("config", account=settings.account.id, region=session.region)
    return session, aws.client("s3"), bucket


def _lines(*lines: str) -> Callable[[Console], None]:
    def show(console: Console) -> None:
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    return show


def repository(
    stack: StackOption = None,
    folder: Annotated[
        Path,
        typer.Option("--folder", metavar="DIR", exists=True, file_okay=False, help="The clone to save; all of its history must be there."),
    ] = Path(),
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save the Git repository, all branches and tags, as one file in the locked bucket. The pipeline calls it."""
    import tempfile

    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account
    from nautilus.cli.errors import RefusedError
    from nautilus.ops.config_backup import BundleError, bundle, upload

    session, client, bucket = _open(stack, config_dir, as_json)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            made = bundle(folder.resolve(), Path(scratch))
        except BundleError as error:
            raise RefusedError("bundle", f"{folder.resolve()} was not saved: {error}", where="backup repository --folder") from error
        try:
            key = upload(client, bucket, made, now())
        except (BotoCoreError, ClientError) as error:
            raise account.aws_trouble(error, f"writing to {bucket}") from error
    document = {**session.header("backup repository"), "bucket": bucket, "key": key, "commit": made.commit, "sha256": made.sha256}
    session.output.emit(document, _lines(f"s3://{bucket}/{key}", f"sha256 {made.sha256}"))


def verify(
    stack: StackOption = None,
    day: Annotated[
        datetime | None,
        typer.Option(
            "--day", metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="The copies of this day (UTC), not the newest.", show_default=False
        ),
    ] = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the copies of the configuration back and compare hashes. Exit code 1: something is missing, changed or was not saved.

    Databases are proved by the weekly restore tests, not here.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account
    from nautilus.cli.errors import CannotTellError, ExitCode
    from nautilus.ops.config_backup import PARTS
    from nautilus.ops.config_backup import verify as check

    session, client, bucket = _open(stack, config_dir, as_json)
    try:
        found = {part: check(client, bucket, part, f"{day:%Y/%m/%d}" if day else None) for part in PARTS}
    except (BotoCoreError, ClientError) as error:
        raise account.aws_trouble(error, f"reading {bucket}") from error
    except ValueError as error:
        raise CannotTellError("manifest", str(error), where=f"s3://{bucket}") from error
    good, runs, lines = True, dict[str, Any](), list[str]()
    for part, one in found.items():
        if one is None:
            good = False
            runs[part] = None
            lines.append(f"{part}: no copy{f' of {day:%Y-%m-%d}' if day else ''}")
            continue
        good = good and one.good
        runs[part] = {
            "manifest": one.manifest,
            "at": one.at.isoformat(),
            "objects": one.objects,
            "broken": list(one.broken),
            "failed": list(one.failed),
        }
        of = f"{one.objects} object{'' if one.objects == 1 else 's'} of {one.at:%Y-%m-%d %H:%M} UTC"
        lines.append(f"{part}: {of}, {'all as they were saved' if not one.broken else 'missing or changed:'}")
        lines += [f"  {key}" for key in one.broken]
        lines += [f"  not saved: {source}" for source in one.failed]
    if not good:
        lines.append("fix: docs/runbooks/config-backup.md")
    session.output.emit({**session.header("backup verify"), "bucket": bucket, "good": good, "parts": runs}, _lines(*lines))
    raise typer.Exit(ExitCode.OK if good else ExitCode.NO)
