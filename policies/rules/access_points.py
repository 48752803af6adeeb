"""Rules about access points: the part of a shared file system that a task gets, and as whom."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, unresolved, violation
from policies.values import ABSENT, UNKNOWN

ACCESS_POINT = "aws:efs/accessPoint:AccessPoint"


def _bounded(point: Resource) -> Iterator[Problem]:
    path = point.get("rootDirectory.path")
    if path is UNKNOWN:
        yield unresolved(point, "rootDirectory")
    # EFS takes a path that is not said for its root.
    elif path is ABSENT or not str(path).strip("/"):
        yield violation(point, "rootDirectory", "shows the whole file system")
    for prop, what in (("uid", "user"), ("gid", "group")):
        number = point.get(f"posixUser.{prop}")
        if number is UNKNOWN:
            yield unresolved(point, "posixUser")
        elif number is ABSENT:
            yield violation(point, "posixUser", f"believes whatever {what} its client says it is")
        elif str(number) in ("0", "0.0"):
            yield violation(point, "posixUser", f"makes its client the {what} root")


_SOUND: dict[str, object] = {"rootDirectory": {"path": "/sessions"}, "posixUser": {"uid": 10001, "gid": 10001}}


def _point(**changes: object) -> Given:
    return Given(ACCESS_POINT, "point", {key: value for key, value in {**_SOUND, **changes}.items() if value is not None})


EFS_03 = ResourceRule(
    id="EFS-03",
    severity=Severity.HIGH,
    title="Access points show a directory of their own, as a user who is not root.",
    rationale="One that shows the root, or believes its client, hands every task the files of all others.",
    remediation="Set a `path` other than `/` in `root_directory`, and `posix_user` with a uid and a gid above 0.",
    references=("FSBP EFS.3", "FSBP EFS.4", "CKV_AWS_329", "CKV_AWS_330"),
    types=(ACCESS_POINT,),
    check=_bounded,
    examples=(
        good("a directory and a user", _point()),
        bad("the root", _point(rootDirectory={"path": "/"})),
        bad("the user root", _point(posixUser={"uid": 0, "gid": 10001})),
        bad("the group root", _point(posixUser={"uid": 10001, "gid": 0})),
        bad("no group", _point(posixUser={"uid": 10001})),
        unknown("a path nobody knows", _point(rootDirectory={"path": UNKNOWN}), expect={"point": Kind.UNRESOLVED}),
        unknown("a user nobody knows", _point(posixUser={"uid": UNKNOWN, "gid": 10001}), expect={"point": Kind.UNRESOLVED}),
        absent("no directory is the root", _point(rootDirectory=None), expect={"point": Kind.VIOLATION}),
        absent("no user is the client's", _point(posixUser=None), expect={"point": Kind.VIOLATION}),
    ),
)

RULES = (EFS_03,)
