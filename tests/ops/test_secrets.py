"""`secrets`: how old, how filled, how rotated; and a value that goes to Secrets Manager and nowhere else."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from nautilus.ops import secrets
from nautilus.ops.secret_shapes import SHAPES, RefusedValueError, Sealed, check_value
from nautilus.ops.secrets import Age, Hands, Held, SecretError
from tests.ops.conftest import CachedSession

TOKEN = "11111111-2222-4333-8444-555555555555"
SECOND = "21111111-2222-4333-8444-555555555555"
VALUE = "Kx7f9QpL2mZr4TtW8sYb"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def tags(hands: str = "person", days: str = "30", **more: str) -> list[dict[str, str]]:
    named = {"RotatedBy": hands, "RotationDays": days, "Owner": "trading", "Consumers": "engine", **more}
    return [{"Key": key, "Value": value} for key, value in named.items()]


@pytest.fixture
def client(session: CachedSession) -> Any:
    return session.client("secretsmanager")


def container(client: Any, name: str = "quiver", **more: Any) -> str:
    return client.create_secret(Name=f"nautilus/prod/{name}", **{"Tags": tags(), **more})["ARN"]


def seen(client: Any, arn: str) -> Held:
    return secrets.look(client, "quiver", arn)


def fill(client: Any, arn: str, text: str = VALUE, token: str = TOKEN, **more: Any) -> secrets.Filled:
    return secrets.put(client, seen(client, arn), Sealed(text), token=token, who="jane", now=NOW, **more)


class TestLook:
    def test_a_container_that_nobody_filled(self, client: Any) -> None:
        held = seen(client, container(client))
        assert (held.hands, held.days, held.owner, held.consumers, held.current) == (Hands.PERSON, 30, "trading", ("engine",), None)
        assert held.state(NOW) is Age.EMPTY
        assert held.age_days(NOW) is None

    @pytest.mark.parametrize(
        ("days", "state"),
        [(0, Age.FINE), (22, Age.FINE), (23, Age.SOON), (29, Age.SOON), (30, Age.DUE), (400, Age.DUE)],
    )
    def test_a_filled_one_ages(self, client: Any, days: int, state: Age) -> None:
        arn = container(client)
        fill(client, arn)
        held = seen(client, arn)
        at = datetime.now(UTC) + timedelta(days=days, minutes=1)
        assert held.age_days(at) == days
        assert held.state(at) is state

    def test_a_shorter_rotation_is_due_earlier(self, client: Any) -> None:
        arn = container(client, Tags=tags(days="10"))
        fill(client, arn)
        assert seen(client, arn).state(datetime.now(UTC) + timedelta(days=10, minutes=1)) is Age.DUE

    def test_a_generated_one_keeps_its_first_value_until_it_rotates(self, client: Any) -> None:
        arn = container(client, Tags=tags("lambda"), SecretString="first")
        at = datetime.now(UTC)
        assert seen(client, arn).state(at) is Age.FIRST
        client.put_secret_value(SecretId=arn, SecretString="next", ClientRequestToken=TOKEN, VersionStages=["AWSPENDING"])
        assert seen(client, arn).state(at) is Age.FIRST, "a pending version is no rotation yet"
        client.put_secret_value(SecretId=arn, SecretString="second")
        assert seen(client, arn).pending
        assert seen(client, arn).state(at) is Age.STUCK
        client.update_secret_version_stage(SecretId=arn, VersionStage="AWSPENDING", RemoveFromVersionId=TOKEN)
        assert seen(client, arn).state(at) is Age.FINE

    def test_the_label_of_the_first_value_decides(self, client: Any) -> None:
        """Versions come and go; the label stays with the value that stands in the stack's state."""
        arn = container(client, Tags=tags("lambda"))
        first = client.put_secret_value(SecretId=arn, SecretString="first", VersionStages=["AWSCURRENT", "FIRST"])["VersionId"]
        at = datetime.now(UTC)
        assert seen(client, arn).state(at) is Age.FIRST
        second = client.put_secret_value(SecretId=arn, SecretString="second")["VersionId"]
        # moto forgets the labels of the older version; AWS moves AWSCURRENT alone.
        client.update_secret_version_stage(SecretId=arn, VersionStage="FIRST", MoveToVersionId=first)
        assert seen(client, arn).state(at) is Age.FINE
        client.update_secret_version_stage(SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second)
        assert seen(client, arn).state(at) is Age.FIRST, "somebody put the first value back"

    @pytest.mark.parametrize(
        ("changed", "why"),
        [
            (tags("nobody"), "RotatedBy"),
            ([], "RotatedBy"),
            (tags(days="31"), "RotationDays"),
            (tags(days="0"), "RotationDays"),
            (tags(days="soon"), "RotationDays"),
        ],
    )
    def test_a_secret_without_duties_is_not_judged(self, client: Any, changed: list[dict[str, str]], why: str) -> None:
        held = seen(client, container(client, Tags=changed))
        assert held.state(NOW) is Age.UNKNOWN
        assert why in (held.trouble or "")

    def test_what_is_gone_or_going_is_not_judged(self, client: Any) -> None:
        arn = container(client, SecretString="x" * 20)
        client.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
        assert "deletion" in (seen(client, arn).trouble or "")
        gone = seen(client, arn.replace("quiver", "other"))
        assert gone.state(NOW) is Age.UNKNOWN
        assert "does not exist" in (gone.trouble or "")

    def test_all_are_listed_by_name_and_as_plain_data(self, client: Any) -> None:
        arns = {name: container(client, name) for name in ("b", "a")}
        found = secrets.look_at_all(client, arns)
        assert [item.name for item in found] == ["a", "b"]
        assert found[0].as_document(NOW)["state"] == "empty"


class TestPut:
    def test_it_becomes_the_current_version_and_says_who_and_when(self, client: Any) -> None:
        arn = container(client)
        done = fill(client, arn)
        assert client.get_secret_value(SecretId=arn)["SecretString"] == VALUE
        assert done == secrets.Filled(TOKEN, True)
        assert seen(client, arn).filled_by == "jane:2026-11-20"

    def test_the_label_leaves_the_old_version(self, client: Any) -> None:
        arn = container(client)
        fill(client, arn)
        fill(client, arn, VALUE[::-1], SECOND)
        stages = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
        assert set(stages[SECOND]) == {"AWSCURRENT", "filled-by:jane:2026-11-20"}
        assert stages[TOKEN] == ["AWSPREVIOUS"]

    def test_the_same_value_again_is_refused(self, client: Any) -> None:
        arn = container(client)
        fill(client, arn)
        with pytest.raises(RefusedValueError, match="holds already"):
            fill(client, arn, token=SECOND)
        assert list(client.describe_secret(SecretId=arn)["VersionIdsToStages"]) == [TOKEN]

    def test_a_value_of_another_environment_is_refused(self, client: Any) -> None:
        paper = client.create_secret(Name="nautilus/paper/quiver", SecretString=VALUE)["Name"]
        arn = container(client)
        with pytest.raises(RefusedValueError, match="nautilus/paper/quiver"):
            fill(client, arn, twins=["nautilus/staging/quiver", paper])
        assert seen(client, arn).current is None
        assert fill(client, arn, VALUE[::-1], twins=[paper]).version == TOKEN

    def test_one_who_may_not_read_may_fill(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        arn = container(client)
        fill(client, arn)

        def denied(**_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetSecretValue")

        monkeypatch.setattr(client, "get_secret_value", denied)
        assert fill(client, arn, VALUE[::-1], SECOND).compared is False

    @pytest.mark.parametrize("hands", ["lambda", "node", "along"])
    def test_generated_ones_are_refused(self, client: Any, hands: str) -> None:
        arn = container(client, Tags=tags(hands))
        with pytest.raises(SecretError) as caught:
            fill(client, arn)
        assert (caught.value.code, caught.value.no) == ("generated", True)
        assert seen(client, arn).current is None

    def test_another_writer_in_between_is_noticed(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        arn = container(client)
        really = client.put_secret_value

        def overtaken(**request: Any) -> Any:
            answer = really(**request)
            really(SecretId=arn, SecretString="somebody else's", ClientRequestToken=SECOND)
            return answer

        held = seen(client, arn)
        waits: list[float] = []
        monkeypatch.setattr(client, "put_secret_value", overtaken)
        with pytest.raises(SecretError, match="not the current one"):
            secrets.put(client, held, Sealed(VALUE), token=TOKEN, who="jane", now=NOW, sleep=waits.append)
        assert waits == [1.0, 1.0, 1.0]

    def test_an_answer_that_is_a_moment_behind_is_waited_for(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        arn = container(client)
        held = seen(client, arn)
        really = client.describe_secret
        answers = [{"VersionIdsToStages": {}}]
        monkeypatch.setattr(client, "describe_secret", lambda **request: answers.pop() if answers else really(**request))
        waits: list[float] = []
        secrets.put(client, held, Sealed(VALUE), token=TOKEN, who="jane", now=NOW, sleep=waits.append)
        assert waits == [1.0]

    @pytest.mark.parametrize(
        "error",
        [
            ClientError({"Error": {"Code": "InvalidParameterException", "Message": f"cannot take {VALUE}"}}, "PutSecretValue"),
            EndpointConnectionError(endpoint_url=f"https://x/{VALUE}"),
            TypeError(f"{VALUE!r} is not text"),
        ],
        ids=["refused", "network", "defect"],
    )
    def test_no_exception_carries_the_value(self, client: Any, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        arn = container(client)
        held = seen(client, arn)

        def fail(**_: Any) -> None:
            raise error

        monkeypatch.setattr(client, "put_secret_value", fail)
        with pytest.raises(SecretError) as caught:
            secrets.put(client, held, Sealed(VALUE), token=TOKEN, who="jane", now=NOW)
        written = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
        assert VALUE not in written
        assert "[secret]" in written
        assert caught.value.__context__ is None

    def test_nothing_is_logged_even_where_somebody_turned_everything_on(self, client: Any, caplog: pytest.LogCaptureFixture) -> None:
        """The AWS SDK logs request bodies at DEBUG: with logging as the program leaves it, and with every logger opened."""
        arn = container(client)
        names = [name for name in logging.root.manager.loggerDict if name.startswith(("boto", "urllib3", "moto", "nautilus"))]
        for name in ("", *names):
            caplog.set_level(logging.DEBUG, logger=name or None)
        fill(client, arn)
        assert VALUE not in caplog.text
        # The opposite: the same call without the guard does log it.
        client.put_secret_value(SecretId=arn, SecretString="open-9f3c-canary")
        assert "open-9f3c-canary" in caplog.text

    def test_the_guard_leaves_logging_as_it_was(self) -> None:
        before = logging.root.manager.disable
        seen_inside = None
        with suppress(RuntimeError), secrets.no_debug_records():
            seen_inside = logging.root.manager.disable
            raise RuntimeError
        assert seen_inside == max(before, logging.DEBUG)
        assert logging.root.manager.disable == before


@given(st.text(max_size=400))
def test_a_label_is_one_that_secrets_manager_takes(who: str) -> None:
    label = secrets.version_label(who, NOW)
    assert 1 <= len(label) <= 256
    assert label.startswith("filled-by:")
    assert label.endswith(":2026-11-20")
    assert label.isascii()


class TestRotate:
    @pytest.fixture(autouse=True)
    def only_begun(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """As in AWS, a rotation is begun by RotateSecret and ended later by the function; moto ends it at once."""

        def begin(SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's name
            client.put_secret_value(SecretId=SecretId, SecretString="next", ClientRequestToken=SECOND, VersionStages=["AWSPENDING"])
            return {"VersionId": SECOND}

        monkeypatch.setattr(client, "rotate_secret", begin)

    def rotating(self, client: Any, hands: str = "lambda") -> Held:
        arn = container(client, Tags=tags(hands), SecretString="first")
        return Held(**{**vars_of(seen(client, arn)), "rotating": True})

    def test_secrets_manager_is_asked(self, client: Any) -> None:
        held = self.rotating(client)
        assert secrets.start_rotation(client, held) == held.current
        assert seen(client, held.arn).pending

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"hands": Hands.PERSON}, "filled"),
            ({"hands": Hands.NODE}, "node"),
            ({"hands": Hands.ALONG}, "along"),
            ({"rotating": False}, "no-rotation"),
            ({"pending": True}, "pending"),
            ({"trouble": "gone"}, "unseen"),
        ],
    )
    def test_what_cannot_rotate_is_refused(self, client: Any, change: dict[str, Any], code: str) -> None:
        held = Held(**{**vars_of(self.rotating(client)), **change})
        with pytest.raises(SecretError) as caught:
            secrets.start_rotation(client, held)
        assert caught.value.code == code
        assert not seen(client, held.arn).pending

    def test_it_waits_until_the_new_value_is_current_and_tidied_up(self, client: Any) -> None:
        held = self.rotating(client)
        before = secrets.start_rotation(client, held)
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 2:
                versions = client.describe_secret(SecretId=held.arn)["VersionIdsToStages"]
                pending = next(version for version, labels in versions.items() if "AWSPENDING" in labels)
                client.update_secret_version_stage(
                    SecretId=held.arn, VersionStage="AWSCURRENT", MoveToVersionId=pending, RemoveFromVersionId=before
                )
                client.update_secret_version_stage(SecretId=held.arn, VersionStage="AWSPENDING", RemoveFromVersionId=pending)

        after = secrets.wait_for_rotation(client, held, before, seconds=60, sleep=sleep)
        assert after.current not in (None, before)
        assert slept == [5.0, 5.0]

    def test_it_gives_up(self, client: Any) -> None:
        held = self.rotating(client)
        before = secrets.start_rotation(client, held)
        slept: list[float] = []
        with pytest.raises(SecretError, match="after 20 s; the old value is still"):
            secrets.wait_for_rotation(client, held, before, seconds=20, sleep=slept.append)
        assert sum(slept) == 20


def vars_of(held: Held) -> dict[str, Any]:
    return dict(vars(held))


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (datetime(2026, 11, 22, 2, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 3, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 4, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 22, 1, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 3, 0, tzinfo=UTC), False),
    ],
)
def test_the_window_is_the_seeds(at: datetime, is_open: bool) -> None:
    assert secrets.window_open(at) is is_open


PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1y\n-----END PRIVATE KEY-----"
GOOD = {
    "binance-api-key": "aB3" * 21 + "x",
    "binance-api-secret-key": PEM,
    "coinbase-api-key": "organizations/0c1f2a3b-0000-4000-8000-123456789abc/apiKeys/0c1f2a3b-0000-4000-8000-123456789abd",
    "coinbase-api-secret-key": PEM.replace("PRIVATE", "EC PRIVATE"),
    "fred-api-key": "0123456789abcdef0123456789abcdef",
    "ib-username": "nautilus.paper1",
    "tradier-api-key": "Ab1" * 9 + "x",
}


def refusal(name: str, text: str, **more: Any) -> str:
    with pytest.raises(RefusedValueError) as caught:
        check_value(name, Sealed(text), **{"live": None, **more})
    assert text == "" or len(text) < 4 or text not in caught.value.reason
    return caught.value.reason


class TestShapes:
    def test_every_known_shape_has_a_good_value(self) -> None:
        assert set(GOOD) == set(SHAPES)
        for name, text in GOOD.items():
            check_value(name, Sealed(text), live=True)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "empty"),
            (f"{VALUE}\n", "white space"),
            (f" {VALUE}", "white space"),
            (f"{VALUE}\r", "white space"),
            (f"{VALUE}\n{VALUE}", "line break"),
            (f"a\x00{VALUE}", "control character"),
            (f"“{VALUE}”", "ASCII"),
            (f"'{VALUE}'", "quotes"),
            (f'"{VALUE}"', "quotes"),
            (f"QUIVER_API_KEY={VALUE}", "assignment"),
            (f"export QUIVER_API_KEY={VALUE}", "assignment"),
            ("changeme", "placeholder"),
            ("<your key>", "placeholder"),
            ("your-api-key", "placeholder"),
            ("xxxxxxxxxx", "placeholder"),
            ("aB3$x", "shorter"),
            (f'{{"key": "{VALUE}"}}', "JSON"),
            ("a1" * 32_769, "65536"),
        ],
    )
    def test_what_no_secret_looks_like(self, text: str, why: str) -> None:
        assert why in refusal("quiver-quant-api-key", text)
        assert why in refusal("quiver-quant-api-key", text, any_shape=True), "only the issuer's shape is overruled"

    @pytest.mark.parametrize("name", sorted(SHAPES))
    def test_another_shape_is_refused_and_can_be_overruled(self, name: str) -> None:
        odd = "odd value, with %"
        with pytest.raises(RefusedValueError) as caught:
            check_value(name, Sealed(odd), live=True)
        assert caught.value.shape
        check_value(name, Sealed(odd), live=True, any_shape=True)

    @pytest.mark.parametrize(
        ("text", "live", "why"),
        [("DU1234567", True, "paper-trading account"), ("U1234567", False, "live account"), ("U1234567", True, "account's number")],
    )
    def test_an_account_is_no_login_and_of_the_other_kind_least_of_all(self, text: str, live: bool, why: str) -> None:
        assert why in refusal("ib-username", text, live=live)

    def test_objects_have_exactly_their_keys(self) -> None:
        keys = ("username", "password")
        check_value("x", Sealed(f'{{"username": "trader1", "password": "{VALUE}"}}'), live=None, json_keys=keys)
        for text, why in (
            (VALUE, "JSON object"),
            (f'["{VALUE}"]', "JSON object"),
            (f'{{"username": "{VALUE}"}}', "missing: password"),
            (f'{{"username": "trader1", "password": "{VALUE}", "more": "{VALUE}"}}', "no others"),
            (f'{{"username": "trader1", "password": "{VALUE}\\n"}}', "`password` begins or ends"),
            ('{"username": "trader1", "password": 123456}', "`password` must be text"),
        ):
            assert why in refusal("x", text, json_keys=keys)


class TestSealed:
    def test_it_shows_nothing(self) -> None:
        sealed = Sealed(VALUE)
        for written in (repr(sealed), str(sealed), f"{sealed}", f"{[sealed]!r}"):
            assert VALUE not in written
        with pytest.raises(TypeError):
            pickle.dumps(sealed)

    def test_traceback_with_variables_shows_nothing(self) -> None:
        def deep(value: Sealed) -> None:
            raise RuntimeError(len(value.text))

        def written(call: Callable[[Sealed], None]) -> str:
            try:
                call(Sealed(VALUE))
            except RuntimeError as error:
                return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            return ""

        assert "[secret]" in written(deep)
        assert VALUE not in written(deep).replace("VALUE", "")

    @given(st.text(min_size=8), st.text())
    def test_scrubbing_leaves_nothing(self, value: str, around: str) -> None:
        assert value not in Sealed(value).scrubbed(f"{around.replace(value, '')}|").replace("[secret]", "") or value in "|"
