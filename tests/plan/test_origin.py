"""Rotation of the origin header: whoever deploys in the middle of it, CloudFront is never shut out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.origin import PATTERNS, Origin, accepted, check_patterns, rotation

VALUES = st.text(alphabet="abcdef0123456789", min_size=4, max_size=8)


def test_two_values_and_three_paths_fill_a_rule() -> None:
    assert PATTERNS == 3
    check_patterns(["/api/*", "/ws/*", "/health"])
    with pytest.raises(ValueError, match="4 path patterns"):
        check_patterns(["/api/*", "/ws/*", "/health", "/metrics"])


@given(st.lists(st.text(alphabet="/ab*?", max_size=140), max_size=6))
def test_what_passes_is_what_elb_takes(patterns: list[str]) -> None:
    try:
        check_patterns(patterns)
    except ValueError:
        return
    assert 1 <= len(patterns) <= 3
    assert len(patterns) + len(accepted("new", "old")) <= 5
    assert sum(text.count("*") + text.count("?") for text in patterns) <= 5
    assert all(text.startswith("/") and len(text) <= 128 for text in patterns)


@given(VALUES, VALUES)
def test_both_values_are_accepted_and_nothing_else(current: str, previous: str) -> None:
    assert set(accepted(current, previous)) == {current, previous}
    assert accepted(current, previous) == accepted(previous, current)


@given(st.lists(VALUES, min_size=3, max_size=6, unique=True))
def test_no_step_of_any_rotation_shuts_cloudfront_out(values: list[str]) -> None:
    """Nor does a deployment that happens after any step, and the next rotation works from there."""
    state = Origin.settled(values[1], values[0])
    for new in values[2:]:
        for step in rotation(state, new):
            assert step.open
            assert all(moment.open for moment in step.deployed), "an `up` applies the secrets as they stand at this step"
        state = rotation(state, new)[-1]
        assert state == Origin.settled(new, state.previous)
        assert values[0] not in state.rules, "the value before last opens nothing any more"


@given(st.lists(VALUES, min_size=3, max_size=3, unique=True))
def test_cloudfront_first_would_shut_out(values: list[str]) -> None:
    """The opposite order, which the program prevents: CloudFront changes before the rules."""
    renewed = rotation(Origin.settled(values[1], values[0]), values[2])[2]
    assert renewed.current == values[2]
    assert not renewed.spreading.open


@given(st.lists(VALUES, min_size=3, max_size=3, unique=True))
def test_the_new_value_before_the_old_one_is_kept_would_shut_out(values: list[str]) -> None:
    """`current` replaced while `previous` still holds the value before it: a deployment at that moment forgets what the edges send."""
    start = Origin.settled(values[1], values[0])
    careless = Origin(values[2], start.previous, start.rules, start.sent)
    assert not careless.rules_applied.open


def test_a_rotation_waits_for_the_one_before() -> None:
    spreading = rotation(Origin.settled("b", "a"), "c")[-2]
    assert spreading.sent == {"b", "c"}
    with pytest.raises(ValueError, match="has not spread yet"):
        rotation(spreading, "d")


@pytest.mark.parametrize("new", ["a", "b"])
def test_a_rotation_needs_a_new_value(new: str) -> None:
    with pytest.raises(ValueError, match="one of the old ones"):
        rotation(Origin.settled("b", "a"), new)
