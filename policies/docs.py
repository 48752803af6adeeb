"""Writes docs/policies.md from the rules: `python -m policies.docs`. The same rules give the same page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from policies.catalogue import RULES
from policies.exemptions import LONGEST, SHORTEST_REASON
from policies.rule import Case, Enforcement, Example, Kind, Rule, StackRule

PAGE = Path(__file__).resolve().parents[1] / "docs" / "policies.md"

_INTRO = """\
# Policies: what must hold before anything is created

<!-- Written by `make docs` from policies/rules. Edit the rules, not this page. -->

`make preview` and `make up` run these rules inside the Pulumi engine, on every stack. Critical and high rules are **mandatory**: a
violation fails the preview, and during `up` it stops the resource before it is created. Medium and low rules are **advisory**: a violation is
a warning line with its advice, and nothing fails.

## How a rule decides

- **Known values are judged.** Rules see the inputs that the program asked for, with the engine's defaults filled in.
- **References count before they are known.** An unknown id is followed to the resource that it comes from, by the dependencies that Pulumi
  records for each input.
- **Anything else that is unknown fails closed**: the message says which input could not be judged. An advisory rule warns of it.
- **What a stack was only given is advice**: where its VPC was brought along (`network.existing`), nothing here can show what its subnets
  are, so rules about them say where to look and stop nothing. In a stack with a VPC of its own a foreign subnet fails closed.
- **Composed documents are judged twice.** A policy document or a container list that the program composes from resources which do not exist
  yet has no readable text in a first preview. The preview announces it (advisory), and `up` judges it before its resource is created.
  A document that is unknown although nothing of the stack explains why fails at once.
- **A broken rule fails loud**: it is reported under its own id as mandatory, whatever its level, and the other rules still run.
- **The day comes from outside**: rules that know dates (NFW-04) and exemptions are measured against the day of the run, UTC.
- **Unlocking is a decision**: in a stack whose settings say `unlock`, rules that keep it from being destroyed (LB-05) rest.
- **Secrets are never printed**, neither values that are marked as secret nor those under a name like a password's.

Rules about one resource act before it is created. Rules about the stack as a whole (marked *stack* below) need all of it: they fail the
preview, and with `--skip-preview` they speak only after the update.

## Levels and exemptions

A stack can change the level of a rule with `--policy-pack-config`: `{"NET-13": "mandatory"}` turns advice into a condition,
`{"NET-02": "advisory"}` a condition into advice. One resource is exempted in `policies/exemptions.yaml`:

```yaml
exemptions:
  - rule: NET-02
    urn: "urn:pulumi:prod::nautilus-infra::*::bastion-ssh"
    reason: Vendor migration needs SSH from its fixed address until the cut-over
    owner: platform@example.com
    expires: 2030-01-31
"""

_EXEMPTIONS = f"""\
```

Each part of the URN is a pattern, and the name must say something. The reason has {SHORTEST_REASON} characters or more, the last day is
at most {LONGEST.days} days ahead. An entry that has expired, that nothing in its stack needs, or that is malformed is a mandatory finding
itself (`PACK-01`). What is exempted stays visible as an advisory line with owner and last day.
"""


def page(rules: Sequence[Rule] = RULES) -> str:
    """The page as Markdown."""
    return "\n".join([_INTRO + _EXEMPTIONS, *_table(rules), *(line for rule in rules for line in _section(rule))]) + "\n"


def _table(rules: Sequence[Rule]) -> Iterator[str]:
    yield f"## The {len(rules)} rules"
    yield ""
    advised = sum(rule.enforcement is Enforcement.ADVISORY for rule in rules)
    yield f"{len(rules) - advised} are mandatory, {advised} advise."
    yield ""
    yield "| Id | Severity | Level | What must hold | Judged |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        judged = "stack" if isinstance(rule, StackRule) else "resource"
        yield f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity.value} | {rule.enforcement.value} | {rule.title} | {judged} |"


def _section(rule: Rule) -> Iterator[str]:
    yield ""
    yield f"### {rule.id}"
    yield ""
    yield f"{rule.title} {rule.rationale}"
    yield ""
    yield f"- Level: {rule.severity.value}, {rule.enforcement.value}"
    yield f"- Fix: {rule.remediation}"
    yield f"- Resources: {', '.join(f'`{type_}`' for type_ in rule.types)}"
    yield f"- See also: {', '.join(rule.references) or 'no published control asks for this'}"
    for title, cases in (("Accepted", (Case.GOOD,)), ("Refused", (Case.BAD,))):
        yield f"- {title}: {'; '.join(example.why for example in rule.examples if example.case in cases)}"
    gaps = [example for example in rule.examples if example.case in (Case.UNKNOWN, Case.ABSENT)]
    yield f"- Unknown or absent: {'; '.join(f'{example.why} ({_outcome(example)})' for example in gaps)}"


def _outcome(example: Example) -> str:
    kinds = set(example.expect.values())
    if not kinds:
        return "accepted"
    words = {Kind.VIOLATION: "refused", Kind.UNRESOLVED: "fails closed", Kind.LATER: "judged at `up`", Kind.ELSEWHERE: "advice"}
    return ", ".join(sorted(words[kind] for kind in kinds))


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
