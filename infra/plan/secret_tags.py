"""What a secret says about itself in its tags, for tools that see AWS and not the settings (`nautilus secrets`). Pure."""

from __future__ import annotations

from infra.plan.secrets import Rotator, SecretSpec

_HANDS = {Rotator.PERSON: "person", Rotator.NODE: "node", Rotator.ORIGIN_PREVIOUS: "along"}


def secret_tags(spec: SecretSpec) -> dict[str, str]:
    """The tags of the secret of `spec`. Words are joined by spaces, because a tag takes no comma; `-` stands for none.

    - `SecretName`: the name in the inventory.
    - `SecretKind`: `generated` or `filled`.
    - `RotatedBy`: `lambda` (Secrets Manager, by a function), `node` (TimescaleDB's leader), `along` (with another secret's rotation)
      or `person`.
    - `RotationDays`: it is replaced at least this often, 1 to 30 days.
    - `Owner`: the team that answers for it.
    - `Consumers`: the roles that read it.
    - `JsonKeys`: the keys of a JSON value; absent for a plain one.
    """
    tags = {
        "SecretName": spec.name,
        "SecretKind": spec.kind.value,
        "RotatedBy": _HANDS.get(spec.rotator, "lambda"),
        "RotationDays": str(spec.rotation_days),
        "Owner": spec.owner,
        "Consumers": " ".join(sorted(role.value for role in spec.consumers)) or "-",
    }
    if spec.template:
        tags["JsonKeys"] = " ".join(sorted(spec.template))
    return tags
