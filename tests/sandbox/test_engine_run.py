"""The sandbox on the real engine, with a fake provider: what operations do, and what interruptions leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nautilus.engine import Diagnostic, Outcome, Severity
from nautilus.engine.events import PolicyViolation, StepDone, StepFailed, StepStarted, Summary, parse, plain
from nautilus.engine.run import Operation, OperationError, Verb, run
from nautilus.sandbox.engine import SECRET_TEXT, SandboxError
from nautilus.sandbox.workspace import BusyError, process_start
from tests.sandbox.support import digests, policy_pack, project, sandbox, wait_until

ROOT = Path(__file__).parents[2]

CHAIN = """
    last = None
    for index in range(6):
        last = Thing(f"t{index}", delay=0.25, after=last.arn if last else None)
    pulumi.export("last", last.arn)
"""


# -- without an engine ------------------------------------------------------------------------------------------------


def test_plain_removes_colour_tags_and_escapes():
    assert plain("<{%fg 1%}>error: <{%reset%}>no \x1b[31mred\x1b[0m") == "error: no red"


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"sequence": 1, "timestamp": 2, "diagnosticEvent": {"message": "m\n", "severity": "error", "color": "raw"}}, Diagnostic),
        ({"resourcePreEvent": {"metadata": {"op": "create", "urn": "urn:pulumi:s::p::t::n", "type": "t"}}}, StepStarted),
        ({"resOutputsEvent": {"metadata": {"op": "same"}}}, StepDone),
        ({"resOpFailedEvent": {"metadata": {"op": "create"}, "status": 0, "steps": 0}}, StepFailed),
        ({"policyEvent": {"policyName": "p", "enforcementLevel": "mandatory", "message": "no"}}, PolicyViolation),
        ({"summaryEvent": {"resourceChanges": {"create": 2}, "durationSeconds": 1}}, Summary),
    ],
)
def test_events_are_typed(document, kind):
    assert isinstance(parse(document), kind)


def test_a_step_keeps_its_detailed_diff_apart_from_none():
    def step(detailed):
        return parse({"resourcePreEvent": {"metadata": {"op": "update", "urn": "a::b", "detailedDiff": detailed}}}).step

    assert step(None).detailed_diff is None
    assert step({}).detailed_diff == {}
    assert step({"x": {"diffKind": "update-replace"}}).detailed_diff["x"].replaces
    assert step({}).name == "b"


def test_an_unknown_event_does_not_break_a_run():
    assert parse({"sequence": 1, "tomorrowEvent": {"a": 1}}).kind == "tomorrowEvent"


def script(folder: Path, body: str) -> Path:
    path = folder / "pulumi"
    find_log = "log = next(a for a in sys.argv if a.startswith('--event-log='))[12:]"
    path.write_text(f"#!{sys.executable}\nimport json, os, signal, sys, time\n{find_log}\n{body}\n")
    path.chmod(0o755)
    return path


def operation(folder: Path, body: str, **options) -> Operation:
    return Operation(verb=Verb.UP, cwd=folder, env=dict(os.environ), log_dir=folder, pulumi=script(folder, body), **options)


def test_a_missing_binary_is_one_clear_error(tmp_path):
    with pytest.raises(OperationError, match="cannot start"):
        run(Operation(verb=Verb.UP, cwd=tmp_path, env={}, log_dir=tmp_path, pulumi=tmp_path / "none"))


def test_printed_errors_become_diagnostics_and_the_exit_code_does_not_leak(tmp_path):
    result = run(operation(tmp_path, "print('error: no stack named x found', file=sys.stderr); sys.exit(255)"))
    assert result.outcome is Outcome.FAILED
    assert [item.message for item in result.errors] == ["no stack named x found"]


def test_a_silent_failure_names_the_log(tmp_path):
    result = run(operation(tmp_path, "sys.exit(4)"))
    assert str(result.output_log) in result.errors[0].message


def test_a_torn_last_line_is_survived(tmp_path):
    body = "open(log, 'w').write(json.dumps({'diagnosticEvent': {'message': 'hello', 'severity': 'info'}}) + '\\n{\"summaryEv')"
    result = run(operation(tmp_path, body))
    assert [item.message for item in result.diagnostics] == ["hello"]


def test_a_time_out_asks_first(tmp_path):
    body = "signal.signal(signal.SIGINT, lambda *_: (print('asked'), sys.exit(1)))\ntime.sleep(30)"
    result = run(operation(tmp_path, body, timeout=0.5))
    assert result.outcome is Outcome.TIMED_OUT
    assert "asked" in result.output_log.read_text()
    assert result.seconds < 10


def test_the_first_interrupt_is_passed_on_and_the_second_kills(tmp_path):
    body = (
        "def note(*_):\n    open('got', 'a').write('x')\n"
        "signal.signal(signal.SIGINT, note)\nopen('ready', 'w')\nwhile True:\n    time.sleep(0.05)"
    )
    op = operation(tmp_path, body)
    seen = []

    def poke(_pid):
        def later():
            wait_until((tmp_path / "ready").exists)
            os.kill(os.getpid(), signal.SIGINT)
            wait_until((tmp_path / "got").exists)
            os.kill(os.getpid(), signal.SIGINT)

        import threading

        seen.append(threading.Thread(target=later))
        seen[0].start()

    result = run(op, on_start=poke)
    seen[0].join()
    assert result.outcome is Outcome.INTERRUPTED
    assert (tmp_path / "got").read_text() == "x"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_raises_leaves_no_process(tmp_path):
    event = "json.dumps({'stdoutEvent': {'message': 'x'}}) + '\\n'"
    body = f"open('pid', 'w').write(str(os.getpid()))\nopen(log, 'w').write({event})\ntime.sleep(60)"

    def explode(_event):
        raise RuntimeError("handler")

    with pytest.raises(RuntimeError, match="handler"):
        run(operation(tmp_path, body), explode)
    assert process_start(int((tmp_path / "pid").read_text())) is None


# -- with the real engine ---------------------------------------------------------------------------------------------


@pytest.mark.engine
def test_a_stack_lives_and_no_stack_file_is_written(tmp_path):
    stacks = {
        "local": """\
            encryptionsalt: v1:AAAA:v1:BBBB:CCCC
            config:
              tiny:password:
                secure: v1:foreign:ciphertext
              tiny:nested:
                list:
                  - name: hook
                    url:
                      secure: v1:foreign:other
              tiny:window: 02:00
              tiny:account: '012345678901'
            """
    }
    checkout = project(
        tmp_path / "a checkout",
        """
        config = pulumi.Config()
        a = Thing("a", value="1", password=config.require_secret("password"), window=config.require("window"))
        b = Thing("b", value=a.arn, opts=pulumi.ResourceOptions(parent=a, protect=config.get("unlock") != "true"))
        pulumi.export("arn", b.arn)
        pulumi.export("password", config.require_secret("password"))
        pulumi.export("url", config.require_secret_object("nested").apply(lambda n: n["list"][0]["url"]))
        pulumi.export("window", config.require("window"))
        pulumi.export("account", config.require("account"))
        """,
        stacks=stacks,
    )
    before = digests(checkout)
    box = sandbox(checkout)
    assert box.outputs() == {}

    preview = box.preview()
    assert preview.ok, preview.errors
    assert preview.changes == {"create": 3}
    assert preview.policy_packs == {}
    planned = {step.name: step.new for step in preview.steps if step.op == "create"}
    assert planned["a"].inputs["value"] == "1"
    assert "sandbox-placeholder" not in preview.event_log.read_text()
    assert not box.resources()

    events = []
    up = box.up(on_event=events.append)
    assert up.ok, up.errors
    assert {step.name: step.op for step in up.steps}["b"] == "create"
    assert any(isinstance(event, StepDone) and event.step.new.outputs.get("arn") == "arn:aws:test:::thing-b" for event in events)
    assert box.outputs() == {
        "arn": "arn:aws:test:::thing-b",
        "password": SECRET_TEXT,
        "url": SECRET_TEXT,
        "window": "02:00",
        "account": "012345678901",
    }
    shown = box.outputs(show_secrets=True)
    assert shown["password"] == "sandbox-placeholder:tiny:password"
    assert shown["url"] == "sandbox-placeholder:tiny:nested.list[0].url"
    assert "sandbox-placeholder" not in json.dumps(box.export())

    assert box.preview(expect_no_changes=True).outcome is Outcome.SUCCEEDED
    changed = box.preview(expect_no_changes=True, config_override={"tiny:window": "03:30"})
    assert changed.outcome is Outcome.CHANGES
    assert [step.diffs for step in changed.steps if step.op == "update"] == [("window",)]
    assert box.preview(empty_state=True).changes == {"create": 3}
    assert box.refresh(expect_no_changes=True).ok

    refused = box.destroy()
    assert refused.outcome is Outcome.FAILED
    assert "protect" in " ".join(item.message for item in refused.errors)
    assert box.up(config_override={"unlock": "true"}).ok
    assert box.destroy().ok
    assert box.resources() == []
    assert not box.workspace.store_file("local").exists()
    assert digests(checkout) == before
    assert not list(box.workspace.state.rglob("*.attrs"))  # not written whole or not at all: a kill would leave a broken one


@pytest.mark.engine
def test_import_takes_a_resource_over(tmp_path):
    checkout = project(tmp_path / "p", 'Thing("known", value="imported", opts=pulumi.ResourceOptions(protect=False))\n')
    box = sandbox(checkout)
    result = box.import_resource("aws:test:Thing", "known", "thing-known")
    assert result.ok, (result.errors, result.output_log.read_text())
    assert [r["id"] for r in box.resources() if r["type"] == "aws:test:Thing"] == ["thing-known"]


@pytest.mark.engine
def test_a_failed_create_names_the_resource_once(tmp_path):
    checkout = project(tmp_path / "p", 'Thing("good")\nThing("bad", fail="ThingLimitExceeded: only 3 things")\n')
    result = sandbox(checkout).up()
    assert result.outcome is Outcome.FAILED
    told = [item for item in result.errors if "ThingLimitExceeded" in item.message]
    assert len(told) == 1
    assert told[0].urn is not None
    assert told[0].urn.endswith("::bad")
    assert [step.name for step in result.failed] == ["bad"]


def begin(checkout: Path) -> subprocess.Popen[str]:
    code = (
        "import sys; from pathlib import Path; from tests.sandbox.support import sandbox\n"
        "result = sandbox(Path(sys.argv[1]), progress=lambda line: print(line, file=sys.stderr)).up()\n"
        "print(result.outcome, flush=True)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(checkout)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def made(box) -> int:
    store = box.workspace.store_file("local")
    return len(json.loads(store.read_text())) if store.exists() else 0


def run_processes(checkout: Path) -> list[int]:
    """Processes that carry a sandbox run of this checkout in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environ = (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if b"NAUTILUS_SANDBOX_RUN=" in environ and str(checkout).encode() in environ and state != "Z":
            found.append(int(entry.name))
    return found


@pytest.mark.engine
@pytest.mark.parametrize("enough", [1, 4])
def test_up_completes_after_a_kill(tmp_path, enough):
    checkout = project(tmp_path / "p", CHAIN)
    before = digests(checkout)
    said: list[str] = []
    box = sandbox(checkout, progress=said.append)
    child = begin(checkout)
    wait_until(lambda: made(box) >= enough)
    # The engine dies too, as when a machine's memory runs out, and first: it would otherwise notice the loss and unlock.
    for record in box.workspace.runs.glob("*/run.json"):
        for ref in json.loads(record.read_text())["processes"]:
            if ref["name"] == "pulumi" and process_start(ref["pid"]) == ref["start"]:
                os.kill(ref["pid"], signal.SIGKILL)
    child.kill()
    child.communicate()
    assert list((checkout / ".nautilus").rglob("locks/organization/tiny/local/*.json"))
    result = box.up()
    assert result.ok, result.errors
    assert any("was killed" in line for line in said)
    assert len([r for r in box.resources() if r["type"] == "aws:test:Thing"]) == 6
    assert not [item for item in result.diagnostics if "pending" in item.message]
    assert box.preview(expect_no_changes=True).ok
    wait_until(lambda: not run_processes(checkout), 5)
    assert digests(checkout) == before


@pytest.mark.engine
def test_up_completes_after_the_terminal_closed_with_the_engine_still_running(tmp_path):
    checkout = project(tmp_path / "p", CHAIN)
    box = sandbox(checkout)
    child = begin(checkout)
    wait_until(lambda: made(box) >= 2)
    child.kill()  # the engine lives on and loses its provider, which ends with us
    child.communicate()
    result = box.up()
    assert result.ok, result.errors
    assert len([r for r in box.resources() if r["type"] == "aws:test:Thing"]) == 6


@pytest.mark.engine
def test_up_completes_after_ctrl_c(tmp_path):
    checkout = project(tmp_path / "p", CHAIN)
    box = sandbox(checkout)
    child = begin(checkout)
    wait_until(lambda: made(box) >= 2)
    with pytest.raises(BusyError, match="busy: up of local"):
        box.up()
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    assert out.strip() == "interrupted"
    assert time.monotonic() - started < 5
    assert 0 < made(box) < 6
    assert not run_processes(checkout)
    result = box.up()
    assert result.ok, result.errors
    assert len([r for r in box.resources() if r["type"] == "aws:test:Thing"]) == 6


@pytest.mark.engine
def test_a_lost_provider_fails_in_words_and_the_next_up_completes(tmp_path):
    checkout = project(tmp_path / "p", CHAIN)
    box = sandbox(checkout)

    def kill_provider(event):
        if isinstance(event, StepDone) and event.step.name == "t1":
            record = next(box.workspace.runs.glob("local-up-*/run.json"))
            os.kill(next(ref["pid"] for ref in json.loads(record.read_text())["processes"] if ref["name"] == "provider"), signal.SIGKILL)

    result = box.up(on_event=kill_provider)
    assert result.outcome is Outcome.FAILED
    assert any("simulated provider ended" in item.message for item in result.errors)
    assert box.up().ok


def test_a_provider_that_does_not_start_is_one_error_with_its_words(tmp_path, monkeypatch):
    checkout = project(tmp_path / "p", "")
    box = sandbox(checkout, toolchain=_no_toolchain())
    box._provider_command = lambda _store: [sys.executable, "-c", "import sys; print('table is broken', file=sys.stderr); sys.exit(3)"]
    monkeypatch.setattr(type(box), "_prepare", lambda *_: None)
    with pytest.raises(SandboxError, match=r"(?s)ended at its start \(code 3\).*table is broken"):
        box.preview()


def _no_toolchain():
    from nautilus.sandbox.toolchain import Toolchain

    return Toolchain(Path("/nowhere/pulumi"), "3.259.0", "cache", own_host=True)


@pytest.mark.engine
def test_a_policy_pack_reports_and_stops(tmp_path):
    checkout = project(tmp_path / "p", 'Thing("a", value="bad")\nThing("b", value="good")\n')
    pack = policy_pack(
        tmp_path / "pack",
        """
        from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

        def check(args, report):
            if args.props.get("value") == "bad":
                report("a bad thing")

        PolicyPack("tiny-pack", policies=[ResourceValidationPolicy("no-bad", "no bad things", check, EnforcementLevel.MANDATORY)])
        """,
    )
    result = sandbox(checkout, policy_packs=[pack]).preview()
    assert result.outcome is Outcome.FAILED
    assert [(item.policy, item.urn.rpartition("::")[2]) for item in result.mandatory_violations] == [("no-bad", "a")]
    assert "a bad thing" in result.mandatory_violations[0].message


@pytest.mark.engine
def test_a_broken_policy_pack_fails_loud(tmp_path):
    checkout = project(tmp_path / "p", 'Thing("a")\n')
    pack = policy_pack(tmp_path / "pack", "raise RuntimeError('the rule file is broken')\n")
    result = sandbox(checkout, policy_packs=[pack]).preview()
    assert result.outcome is Outcome.FAILED
    assert "the rule file is broken" in " ".join(item.message for item in result.diagnostics)
    assert all(item.severity in Severity for item in result.diagnostics)
