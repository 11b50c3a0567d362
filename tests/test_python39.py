"""The function runs on Python 3.9, whatever the tests run on: nothing newer is in its source."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from test_house import MODULES, calls, each_module, imported

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Newer than Python 3.9, which the function runs on: modules, names in them, and methods.
# "What's New In Python", 3.10 to 3.14, as far as such a package could be tempted.
LATER = """
    tomllib annotationlib compression string.templatelib concurrent.interpreters
    asyncio.TaskGroup asyncio.Runner asyncio.timeout asyncio.timeout_at asyncio.Barrier
    builtins.ExceptionGroup builtins.BaseExceptionGroup builtins.aiter builtins.anext
    builtins.EncodingWarning builtins.PythonFinalizationError
    collections.abc.Buffer contextlib.aclosing contextlib.chdir copy.replace
    dataclasses.KW_ONLY datetime.UTC enum.StrEnum enum.ReprEnum enum.EnumCheck enum.verify
    enum.member enum.nonmember enum.property enum.global_enum functools.Placeholder
    hashlib.file_digest inspect.get_annotations itertools.batched itertools.pairwise
    logging.getLevelNamesMapping logging.getHandlerByName math.cbrt math.exp2 math.sumprod
    math.fma operator.call operator.is_none operator.is_not_none os.process_cpu_count
    queue.ShutDown re.NOFLAG re.PatternError sys.exception sys.orig_argv sys.stdlib_module_names
    sys.monitoring types.EllipsisType types.NoneType types.NotImplementedType types.UnionType
    types.CapsuleType types.get_original_bases typing.Concatenate typing.LiteralString
    typing.Never typing.NoDefault typing.NotRequired typing.ParamSpec typing.ParamSpecArgs
    typing.ParamSpecKwargs typing.ReadOnly typing.Required typing.Self typing.TypeAlias
    typing.TypeAliasType typing.TypeGuard typing.TypeIs typing.TypeVarTuple typing.Unpack
    typing.assert_never typing.assert_type typing.clear_overloads typing.dataclass_transform
    typing.get_overloads typing.get_protocol_members typing.is_protocol typing.is_typeddict
    typing.override typing.reveal_type uuid.uuid6 uuid.uuid7 uuid.uuid8 warnings.deprecated
"""
LATER_METHODS = {"add_note", "bit_count", "full_match"}
LATER_KEYWORDS = {"zip": {"strict"}, "dataclass": {"slots", "kw_only", "weakref_slot"}}


def used(name: str) -> set[str]:
    """What a module takes from elsewhere: `a.b` for `from a import b` and for `a.b` in the code."""
    dotted = {
        ast.unparse(node) for node in ast.walk(MODULES[name]) if isinstance(node, ast.Attribute)
    }
    names = {node.id for node in ast.walk(MODULES[name]) if isinstance(node, ast.Name)}
    return {*imported(name, running=True), *dotted, *(f"builtins.{each}" for each in names)}


def later_keywords(name: str) -> list[str]:
    return [
        f"{called}({keyword.arg}=)"
        for called, call in calls(name)
        for keyword in call.keywords
        if keyword.arg in LATER_KEYWORDS.get(called.rsplit(".", 1)[-1], ())
    ]


@each_module
def test_python_39_has_what_is_used(name: str) -> None:
    """No match, slots=True, StrEnum, TaskGroup or any other name that came after Python 3.9."""
    tree = MODULES[name]
    assert set() == {type(node).__name__ for node in ast.walk(tree)} & {"Match", "TryStar"}
    methods = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert set() == used(name) & set(LATER.split()) | methods & LATER_METHODS
    assert [] == later_keywords(name)


@each_module
def test_unions_are_written_for_python_39(name: str) -> None:
    """`X | None` is fine in annotations that stay text; as a value it needs Python 3.10."""
    tree = MODULES[name]
    postponed = "__future__.annotations" in imported(name, running=True)
    assert postponed or not unions(annotated(tree))
    values = [node.value for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    assert [] == unions(value for value in values if value)


def annotated(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if getattr(node, field, None):
                yield getattr(node, field)


def unions(nodes: Iterable[ast.AST]) -> list[str]:
    return [
        ast.unparse(inner)
        for node in nodes
        for inner in ast.walk(node)
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.BitOr)
    ]
