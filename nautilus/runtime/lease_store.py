"""The lease's row in DynamoDB: `nautilus.runtime.lease` asks, this module words it as GetItem and UpdateItem and nothing else.

The role may do no more on the row (`infra.plan.iam.lease_policy`). Every condition is checked by the table at the moment of the write,
so it does not matter how late a request arrives. The client makes one attempt a call: the core decides what to do about an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nautilus.runtime.lease import Answer, Kind, Request, Row, StoreError

NAMES = {"#holder": "holder", "#expires": "expires", "#token": "token", "#session": "session", "#address": "address"}
"""Several of them are reserved words of DynamoDB's expressions."""


def client_config(patience: float) -> Config:
    """One attempt, given up after `patience` seconds: a retry inside the client would hide how old an answer is."""
    return Config(connect_timeout=patience, read_timeout=patience, retries={"total_max_attempts": 1, "mode": "standard"})


def parse(item: Mapping[str, Any]) -> Row | None:
    """The row in an item of the table; None for no item.

    Raises:
        StoreError: no readable holder, end or token. Such a row counts as held for ever: a person has to look at it.
    """
    if not item:
        return None
    try:
        return Row(
            holder=item["holder"]["S"],
            expires=math.ceil(float(item["expires"]["N"])),
            token=int(item["token"]["N"]),
            session=item.get("session", {}).get("S", ""),
            address=item.get("address", {}).get("S", ""),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"the row has no readable holder, expires and token, so it counts as held: {error!r}") from None


class DynamoStore:
    """Rows of one table."""

    def __init__(self, client: Any, table: str) -> None:
        """Use a client made with `client_config`."""
        self._client, self._table = client, table

    def send(self, request: Request) -> Answer:
        """Ask the table.

        Raises:
            StoreError: an error or silence. The change may have been made.
        """
        try:
            if request.kind is Kind.READ:
                answer = self._client.get_item(TableName=self._table, Key={"lease": {"S": request.lease}}, ConsistentRead=True)
                return Answer(applied=True, row=parse(answer.get("Item", {})), served=served(answer))
            answer = self._client.update_item(**update(self._table, request))
            return Answer(applied=True, row=parse(answer.get("Attributes", {})), served=served(answer))
        except ClientError as error:
            answer: dict[str, Any] = dict(error.response)
            if answer.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise StoreError(str(error)) from error
            return Answer(applied=False, row=parse(answer.get("Item", {})), served=served(answer))
        except (BotoCoreError, OSError) as error:
            raise StoreError(str(error)) from error


def update(table: str, request: Request) -> dict[str, Any]:
    """The arguments of UpdateItem for a request that writes.

    Raises:
        ValueError: a request that only reads.
    """
    sets, removes = ["#expires = :expires"], list[str]()
    values: dict[str, Any] = {":expires": {"N": str(request.expires)}}
    match request.kind:
        case Kind.TAKE:
            sets += ["#holder = :holder", "#token = :token", "#session = :session"]
            values |= {":holder": {"S": request.holder}, ":token": {"N": str(request.token)}, ":session": {"S": request.session}}
            if request.address:
                sets.append("#address = :address")
                values[":address"] = {"S": request.address}
            else:
                removes.append("#address")
            if request.seen is None:
                condition = "attribute_not_exists(lease)"
            else:
                condition = "#token = :seen AND #expires < :limit"
                values |= {":seen": {"N": str(request.seen)}, ":limit": {"N": str(request.limit)}}
        case Kind.RENEW:
            condition = "#token = :token AND #session = :session AND #expires <= :expires"
            values |= {":token": {"N": str(request.token)}, ":session": {"S": request.session}}
        case Kind.RELEASE:
            condition = "#token = :token AND #session = :session"
            removes += ["#session", "#address"]
            values |= {":token": {"N": str(request.token)}, ":session": {"S": request.session}}
        case Kind.READ:
            raise ValueError("a reading is no update")
    expression = "SET " + ", ".join(sets) + (" REMOVE " + ", ".join(removes) if removes else "")
    used = f"{expression} {condition}"
    return {
        "TableName": table,
        "Key": {"lease": {"S": request.lease}},
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {alias: name for alias, name in NAMES.items() if alias in used},
        "ExpressionAttributeValues": values,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def served(answer: Mapping[str, Any]) -> float | None:
    """The table's own clock, from the answer's header `Date`, in seconds since 1970; None where it says nothing readable."""
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError):
        return None
