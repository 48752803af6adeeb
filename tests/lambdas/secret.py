"""A secret in moto, rotated as Secrets Manager does it: step by step, stopped wherever a test wants."""

from __future__ import annotations

import uuid
from typing import Any

import boto3

from lambdas.rotation.handler import Rotation
from lambdas.rotation.strategy import Strategy

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
REGION = "us-east-1"


class Vault:
    """One secret whose first version carries FIRST, as the stack makes it. Needs moto's `mock_aws` around it."""

    def __init__(self, value: str, name: str = "nautilus/test/secret") -> None:
        self.client: Any = boto3.client("secretsmanager", region_name=REGION)
        self.arn: str = self.client.create_secret(Name=name)["ARN"]
        self.client.put_secret_value(SecretId=self.arn, SecretString=value, VersionStages=["AWSCURRENT", "FIRST"])
        self.token = ""

    def begin(self) -> str:
        """What RotateSecret does before it calls the function: rotation is on, and a version is pending that has no value."""
        from moto.secretsmanager.models import secretsmanager_backends

        self.token = str(uuid.uuid4())
        stored: Any = secretsmanager_backends["123456789012"][REGION].secrets.values()
        secret = next(one for one in stored if one.arn == self.arn)
        secret.rotation_requested = True
        secret.rotation_enabled = True
        secret.auto_rotate_after_days = 7
        secret.versions[self.token] = {"createdate": 1_800_000_000, "version_id": self.token, "version_stages": ["AWSPENDING"]}
        return self.token

    def step(self, strategy: Strategy, step: str, token: str | None = None) -> None:
        """One call of the function."""
        Rotation(self.client, strategy, self.arn, token or self.token).run(step)

    def rotate(self, strategy: Strategy) -> str:
        """A whole rotation; returns the new value."""
        self.begin()
        for step in STEPS:
            self.step(strategy, step)
        return self.value()

    def value(self, stage: str = "AWSCURRENT") -> str:
        """What the secret holds."""
        found: str = self.client.get_secret_value(SecretId=self.arn, VersionStage=stage)["SecretString"]
        return found

    def stages(self) -> dict[str, list[str]]:
        """Labels by version."""
        found: dict[str, list[str]] = self.client.describe_secret(SecretId=self.arn)["VersionIdsToStages"]
        return found
