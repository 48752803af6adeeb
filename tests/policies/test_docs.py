"""The generated page."""

from __future__ import annotations

from policies.catalogue import RULES
from policies.docs import PAGE, page


def test_the_committed_page_is_the_generated_one() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_rule_is_on_the_page() -> None:
    text = page()
    for rule in RULES:
        assert f"### {rule.id}\n" in text
        assert rule.remediation in text


def test_the_page_says_which_rules_only_advise() -> None:
    text = page()
    assert "| [NET-13](#net-13) | medium | advisory |" in text
    assert "| [LB-07](#lb-07) | high | mandatory |" in text
