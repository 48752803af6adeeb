"""The types table: what it holds, that it is made once, and that an interruption does no harm."""

from __future__ import annotations

import io
import json
import multiprocessing
import time
from pathlib import Path

import pytest

from nautilus.sandbox.simulation import table_builder, types_table
from nautilus.sandbox.simulation.types_table import Type, parse
from tests.simulation.support import table, token

SDK = '''
@pulumi.input_type
class ThingArgs:
    def __init__(__self__, *,
                 size: pulumi.Input[_builtins.int],
                 parts: pulumi.Input[Optional[Sequence[pulumi.Input['ThingPartArgs']]]] = None,
                 policy: pulumi.Input[Optional[Union[_builtins.str, 'PolicyDocumentArgs']]] = None):
        """
        :param pulumi.Input[_builtins.int] size: The size. Changing this forces a new resource to be created.
        :param pulumi.Input[_builtins.str] policy: Who may. Defaults to `none`.
        """

    @_builtins.property
    @pulumi.getter(name="theSize")
    def size(self) -> pulumi.Input[_builtins.int]:
        return pulumi.get(self, "size")

    @_builtins.property
    @pulumi.getter
    def parts(self) -> pulumi.Input[Optional[Sequence[pulumi.Input['ThingPartArgs']]]]:
        return pulumi.get(self, "parts")


@pulumi.type_token("aws:mod/thing:Thing")
class Thing(pulumi.CustomResource):
    def _internal_init(self):
        secret_opts = pulumi.ResourceOptions(additional_secret_outputs=["word"])

    @_builtins.property
    @pulumi.getter(name="theSize")
    def size(self) -> pulumi.Output[_builtins.int]:
        return pulumi.get(self, "size")

    @_builtins.property
    @pulumi.getter
    def policy(self) -> pulumi.Output[_builtins.str]:
        return pulumi.get(self, "policy")

    @_builtins.property
    @pulumi.getter
    def word(self) -> pulumi.Output[Optional[_builtins.str]]:
        return pulumi.get(self, "word")
'''


def test_a_generated_module_is_read(tmp_path: Path) -> None:
    (tmp_path / "mod").mkdir()
    (tmp_path / "mod" / "thing.py").write_text(SDK)
    row = table_builder.build(tmp_path)["resources"]["aws:mod/thing:Thing"]
    assert row["i"] == {"theSize": "int!", "parts": "[@mod.ThingPart]", "policy": "str|@mod.PolicyDocument"}
    assert row["s"] == ["word"]
    assert row["r"] == ["theSize"]
    assert row["d"] == {"policy": "none"}
    assert row["p"] == ["policy"]


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("pulumi.Input[Optional[_builtins.str]]", "str"),
        ("Optional[Sequence[pulumi.Input[_builtins.float]]]", "[num]"),
        ("Mapping[str, pulumi.Input[_builtins.str]]", "{str}"),
        ("pulumi.Input[Union[pulumi.Asset, pulumi.Archive]]", "asset"),
        ("Optional['outputs.A']", "@m.A"),
        ("Optional[Union[_builtins.str, 'InstanceType']]", "str"),
        ("'_iam.PolicyStatementArgs'", "@iam.PolicyStatement"),
        ("Any", "any"),
    ],
)
def test_annotations(annotation: str, text: str) -> None:
    assert table_builder.compact(annotation, "m") == text


def test_types_are_parsed_back() -> None:
    assert parse("[{str}]") == Type("list", item=Type("map", item=Type("str")))
    assert [option.kind for option in parse("str|[@m.A]").options] == ["str", "list"]
    assert str(parse("[@m.A]")) == "list of object A"


def test_every_resource_type_is_there() -> None:
    tokens = list(table().tokens())
    assert sum(each.startswith("aws:") for each in tokens) > 1700
    assert "pulumi:providers:aws" in tokens
    assert "random:index/randomPassword:RandomPassword" in tokens


def test_what_is_known_of_a_database() -> None:
    row = table().resource(token("rds.Instance"))
    assert row is not None
    assert row.inputs["instanceClass"].required
    assert row.inputs["multiAz"].type.kind == "bool"
    assert not row.inputs["multiAz"].required
    assert "endpoint" in row.computed
    assert "password" in row.secrets


def test_no_reference_leads_nowhere() -> None:
    missing: set[str] = set()

    def visit(kind: Type) -> None:
        if kind.kind == "object" and table().input_object(kind.ref) is None:
            missing.add(kind.ref)
        for inner in (kind.item, *kind.options):
            if inner is not None:
                visit(inner)

    for each in table().tokens():
        row = table().resource(each)
        assert row is not None
        for prop in row.inputs.values():
            visit(prop.type)
    assert missing == set()


def test_a_cached_table_loads_quickly() -> None:
    table()
    start = time.perf_counter()
    types_table.load(types_table.default_cache())
    assert time.perf_counter() - start < 0.5  # 0.03 s on a quiet machine


def test_a_damaged_cache_is_made_again_and_progress_is_shown(tmp_path: Path) -> None:
    stream = io.StringIO()
    _, version = types_table.sdk("random")
    name = f"types-random-{version}-{table_builder.FORMAT}.json"
    (tmp_path / name).write_text('{"resources": {"aws')  # as if the disk had filled up
    loaded = types_table.load(tmp_path, ("random",), progress=stream)
    assert loaded.resource("random:index/randomPet:RandomPet") is not None
    assert "pulumi-random" in stream.getvalue()
    assert json.loads((tmp_path / name).read_text())["resources"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def _make(folder: str, log: str) -> None:
    def slow() -> list[int]:
        with Path(log).open("a") as handle:
            handle.write("made\n")
        time.sleep(0.3)
        return [1]

    assert types_table.cached(Path(folder), "thing", slow) == [1]


def test_two_processes_make_a_table_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_make, args=(str(tmp_path), str(tmp_path / "log"))) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert (tmp_path / "log").read_text().splitlines() == ["made"]


def test_an_interrupted_generation_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        types_table.cached(tmp_path, "thing", interrupted)
    assert types_table.cached(tmp_path, "thing", lambda: [2]) == [2]


def test_a_missing_sdk_is_one_clear_error() -> None:
    with pytest.raises(types_table.TableError, match="pulumi-nowhere is not installed"):
        types_table.sdk("nowhere")
