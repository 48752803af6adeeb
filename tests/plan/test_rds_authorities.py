"""RDS's authorities: each is a self-signed root for its region, and one is AWS's published us-east-1 root."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from infra.plan.rds_authorities import REGIONS, authority

PUBLISHED = {
    "us-east-1": "e4ce41d069f4bdcdb714259058961ee42ed18cf2bf627a3d647aff25437d4b68",
    "us-west-2": "86e22f41c79b0de5777054189cfadbddf633a8a1dc09ef134db07a756e494abe",
}
"""SHA-256 of the default stacks' two."""


@pytest.mark.parametrize("region", REGIONS)
def test_each_is_its_regions_root(region: str) -> None:
    found = x509.load_pem_x509_certificate(authority(region).encode())
    (name,) = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert name.value == f"Amazon RDS {region} Root CA RSA2048 G1"
    found.verify_directly_issued_by(found)
    assert found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert found.not_valid_after_utc > datetime(2061, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("region", "digest"), PUBLISHED.items())
def test_the_default_stacks_roots_have_their_fingerprints(region: str, digest: str) -> None:
    assert x509.load_pem_x509_certificate(authority(region).encode()).fingerprint(hashes.SHA256()).hex() == digest


def test_each_fits_a_functions_environment() -> None:
    assert max(len(authority(region)) for region in REGIONS) < 2_000, "Lambda takes 4 KB of variables"


def test_a_region_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match="mars-north-1 is not known"):
        authority("mars-north-1")
