"""Who a deployment to AWS runs as: the credentials' account against the one in the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nautilus.cli.errors import CannotTellError, CliError, RefusedError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"}
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
"""Error codes by which AWS's services say that a permission is missing; which word it is depends on the service."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller of AWS."""

    account: str
    arn: str


def aws_trouble(error: Exception, doing: str) -> CliError:
    """An exception of boto3 as an error of ours: no credentials, no network, or a refusal of AWS's; none of them is an answer."""
    from botocore.exceptions import ClientError

    from nautilus.ops.steps import code_of

    if isinstance(error, ClientError):
        return _refusal(error, code_of(error), doing)
    kind = type(error).__name__
    if kind in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound", "NoRegionError"):
        hint = "set AWS_PROFILE, run `aws sso login`, or give the credentials in another way that boto3 knows"
        return CannotTellError("credentials", f"{doing}: {error}", where="AWS credentials", hint=hint)
    if kind in ("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"):
        return CannotTellError("credentials", f"{doing}: {error}", where="AWS credentials", hint="aws sso login")
    if kind in ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "ProxyConnectionError"):
        return CannotTellError("network", f"{doing}: {error}", where="AWS")
    return CannotTellError("aws", f"{doing}: {error}", where="AWS")


def _refusal(error: ClientError, code: str, doing: str) -> CliError:
    if code in _EXPIRED:
        said = f"{doing}: the credentials have run out, or AWS does not know them"
        return CannotTellError("credentials", said, where="AWS credentials", hint="aws sso login")
    if code in _DENIED:
        said = str(error.response.get("Error", {}).get("Message") or error)
        return CannotTellError("permission", f"{doing}: AWS refuses {error.operation_name}", where="AWS", details=[said])
    return CannotTellError("aws", f"{doing}: {error}", where="AWS")


def identity(session: Any) -> Identity:
    """Whom the credentials belong to, by STS, which needs no permission.

    Raises CannotTellError without credentials or network.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise aws_trouble(error, "asking AWS who we are") from error
    return Identity(str(answer["Account"]), str(answer["Arn"]))


def aws_session(region: str) -> Any:
    """A boto3 session with the user's own credentials, in `region`.

    Raises CannotTellError when the profile they name does not exist.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.Session(region_name=region)
    except BotoCoreError as error:
        raise aws_trouble(error, "reading the AWS profile") from error


def check_account(session: Any, stack: str, account: str) -> Identity:
    """The caller, when it belongs to the account of the settings.

    Raises RefusedError on a mismatch.
    """
    caller = identity(session)
    if caller.account != account:
        raise RefusedError(
            "account-mismatch",
            f"the credentials belong to account {caller.account}, the settings of {stack} name {account}",
            where="nautilus-infra:account.id",
            details=[f"caller: {caller.arn}"],
            hint="use credentials of that account, or correct the stack file",
        )
    return caller
