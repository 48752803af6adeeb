"""`images check`: which images are asked about, exit codes, and one document."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.settings.loader import load_stack
from infra.settings.root import Settings
from nautilus.cli import account, images
from nautilus.ops import images as library
from nautilus.ops.images import ImageVerdict, ScanVerdict, SignatureVerdict
from tests.cli.conftest import ROOT, Engines, Nautilus
from tests.settings.samples import changed, write

DIGEST = "sha256:" + "7" * 64
PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/nautilus_prod_images_1"


@dataclass
class Gate:
    """The library in place of AWS: what it was asked, and what it says of an image by its repository."""

    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    options: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    critical: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    signed: bool = True
    error: Exception | None = None

    def check(self, _ecr: Any, repository: str, digest: str, **options: Any) -> ImageVerdict:
        if self.error:
            raise self.error
        self.asked.append((repository, digest))
        self.options.append(options)
        found = tuple(name for name in self.critical.get(repository, ()) if name not in options["accept"])
        profile = options["profile"]
        signature = None if profile is None else SignatureVerdict(profile, "COMPLETE" if self.signed else "NONE")
        return ImageVerdict(ScanVerdict(repository, digest, "COMPLETE", {"CRITICAL": len(found)} if found else {}, found), signature)


class AwsSession:
    """A session whose clients are never asked."""

    def client(self, name: str, **_: Any) -> str:
        return name


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, fake: Engines, aws: dict[str, str]) -> Gate:
    made = Gate()
    monkeypatch.setattr(library, "check", made.check)
    monkeypatch.setattr(account, "aws_session", lambda _region: AwsSession())
    monkeypatch.setattr(images, "today", lambda: date(2026, 11, 22))
    return made


def prod() -> Settings:
    loaded = load_stack("prod", ROOT)
    assert isinstance(loaded, Settings)
    return loaded


def stack_file(folder: Path, **changes: Any) -> tuple[str, str]:
    write(folder, "prod", changed("prod", changes))
    return "--config-dir", str(folder)


def test_every_image_of_the_settings_is_asked_about(nautilus: Nautilus, gate: Gate) -> None:
    ran = nautilus("images", "check", "--stack", "prod", "--json")
    assert ran.code == 0
    wanted = images.digests(prod())
    assert {"backend", "frontend"} <= set(wanted)
    assert gate.asked == [(f"nautilus-prod/{name}", digest) for name, digest in wanted.items()]
    assert (ran.document["passed"], set(ran.document["images"])) == (True, set(wanted))


def test_a_critical_finding_is_a_no(nautilus: Nautilus, gate: Gate) -> None:
    gate.critical["nautilus-prod/backend"] = ("CVE-2026-1",)
    ran = nautilus("images", "check", "--stack", "prod", "--json")
    assert ran.code == 1
    assert ran.document["passed"] is False
    assert ran.document["images"]["backend"]["critical"] == ["CVE-2026-1"]
    assert ran.document["images"]["frontend"]["passed"] is True
    shown = nautilus("images", "check", "--stack", "prod")
    assert shown.code == 1
    assert "backend: it has 1 critical findings: CVE-2026-1" in shown.err


@pytest.mark.parametrize(("until", "code"), [("2026-11-22", 0), ("2026-11-21", 1)])
def test_an_accepted_finding_counts_until_its_day(
    nautilus: Nautilus, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: str, code: int
) -> None:
    gate.critical["nautilus-prod/backend"] = ("CVE-2026-1",)
    entry = {"reason": "the library opens no socket here", "until": until, "reviewer": "security"}
    where = stack_file(tmp_path, **{"registry.acceptFindings": {"CVE-2026-1": entry}})
    monkeypatch.setattr("nautilus.cli.stacks.load_settings", lambda stack, config_dir: load_stack(stack, config_dir))
    monkeypatch.setattr("nautilus.cli.session.load_settings", lambda stack, config_dir: load_stack(stack, config_dir))
    assert nautilus("images", "check", "--stack", "prod", "--json", *where).code == code


def test_one_image_by_name_and_one_that_the_settings_do_not_name_yet(nautilus: Nautilus, gate: Gate) -> None:
    assert nautilus("images", "check", "--stack", "prod", "--service", "backend", "--json").code == 0
    assert nautilus("images", "check", "--stack", "prod", "--service", "backend", "--digest", DIGEST, "--wait", "5", "--json").code == 0
    assert [repository for repository, _ in gate.asked] == ["nautilus-prod/backend"] * 2
    assert gate.asked[1][1] == DIGEST
    assert [one["wait_seconds"] for one in gate.options] == [300, 5]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--stack", "local"), "simulated AWS"),
        (("--stack", "account"), "has no images"),
        (("--stack", "prod", "--digest", DIGEST), "which repository"),
        (("--stack", "prod", "--service", "backend", "--digest", "latest"), "no digest"),
        (("--stack", "prod", "--service", "nobody"), "no repository nobody"),
    ],
)
def test_what_is_no_image_is_bad_use(nautilus: Nautilus, gate: Gate, args: tuple[str, ...], words: str) -> None:
    ran = nautilus("images", "check", *args)
    assert ran.code == 2
    assert words in ran.err
    assert gate.asked == []


def test_a_signature_is_asked_for_where_the_settings_say_so(nautilus: Nautilus, gate: Gate, fake: Engines, tmp_path: Path) -> None:
    where = stack_file(tmp_path, **{"registry.signing": "required"})
    fake.engine.values = {}
    assert nautilus("images", "check", "--stack", "prod", *where).code == 3, "no profile, no answer"
    fake.engine.values = {"signingProfileArn": PROFILE}
    assert nautilus("images", "check", "--stack", "prod", *where).code == 0
    assert {one["profile"] for one in gate.options} == {PROFILE}
    gate.signed = False
    ran = nautilus("images", "check", "--stack", "prod", "--json", *where)
    assert ran.code == 1
    assert ran.document["images"]["backend"]["signature"]["status"] == "NONE"


def test_an_error_of_aws_is_no_answer(nautilus: Nautilus, gate: Gate) -> None:
    gate.error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeImageScanFindings")
    assert nautilus("images", "check", "--stack", "prod").code == 3


def test_a_stack_without_repositories_is_told_how_to_get_them(nautilus: Nautilus, gate: Gate) -> None:
    gate.error = ClientError({"Error": {"Code": "RepositoryNotFoundException", "Message": "no"}}, "BatchGetImage")
    ran = nautilus("images", "check", "--stack", "prod", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "no-repository")
    assert "nautilus up --stack prod" in ran.document["error"]["hint"]


@pytest.mark.parametrize(
    "args", [("--digest", DIGEST), ("--service", "backend", "--digest", "latest"), ("--service", "cat", "--digest", DIGEST)]
)
def test_bad_use_is_said_before_aws_is_asked(
    nautilus: Nautilus, gate: Gate, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    def nobody(_session: Any) -> Any:
        raise AssertionError("asked")

    monkeypatch.setattr(account, "identity", nobody)
    assert nautilus("images", "check", *args, "--stack", "prod", "--json").code == 2
