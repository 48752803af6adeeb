"""The real Pulumi engine as a process: what to run, the events while it runs, the result at its end. Imports no other room."""

from nautilus.engine.events import Diagnostic, EngineEvent, PolicyViolation, ResourceState, Severity, Step
from nautilus.engine.run import Operation, OperationError, OperationResult, Outcome, Verb, run

__all__ = [
    "Diagnostic",
    "EngineEvent",
    "Operation",
    "OperationError",
    "OperationResult",
    "Outcome",
    "PolicyViolation",
    "ResourceState",
    "Severity",
    "Step",
    "Verb",
    "run",
]
