"""The mutants of a source file: small changes of meaning that a test should notice.

Only changes that are rarely equivalent are made: comparisons and conditions reversed, `and`/`or` swapped, booleans, small
integers and identifier-like strings changed, statements removed, results and arguments replaced. Prose, annotations,
declarations and limits (docstrings, error messages, `__repr__`, `TYPE_CHECKING` blocks, decorators, timeouts) are left alone.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMPARE: Final = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", ">="),
    ast.LtE: ("<=", ">"),
    ast.Gt: (">", "<="),
    ast.GtE: (">=", "<"),
    ast.Is: (r"is\b", "is not"),
    ast.IsNot: (r"is\s+not\b", "is"),
    ast.In: (r"in\b", "not in"),
    ast.NotIn: (r"not\s+in\b", "in"),
}
_ARITHMETIC: Final = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "//"), ast.FloorDiv: ("//", "*")}
_CODE_LIKE: Final = re.compile(r"[\w./:-]*\Z")
# Functions whose text is for people, and calls whose arguments are.
_PROSE_FUNCTIONS: Final = frozenset({"__repr__", "__str__", "__rich_repr__", "__reduce_ex__"})
_PROSE_CALLS: Final = re.compile(
    r"(?:Error|Problem|Warning|warn|warning|report|error|fail|_fail|debug|info|exception|log|compile)\Z"
)
# Arguments that a test cannot see, or that are limits.
_UNSEEN_ARGUMENTS: Final = re.compile(
    r"(?:daemon|exist_ok|slots|frozen|gc|flush|encoding|errors|stacklevel|name|fix|message|hint|help|description"
    r"|maxsize|indent|mode|chunk_size|prefix|ttl_\w+)\Z|.*timeout.*|.*limit.*|.*_s\Z"
)
# Calls whose plain arguments are a limit or the name of a class.
_UNSEEN_CALLS: Final = frozenset({"timeout", "timeout_at", "wait_for", "sleep", "type"})
# Swapping their arguments changes nothing, or raises at once.
_UNSWAPPED: Final = frozenset(
    {"isinstance", "issubclass", "getattr", "setattr", "hasattr", "max", "min", "range", "cast"}
)
_PLATFORM: Final = re.compile(r"\b(?:os\.name|sys\.platform|sys\.version_info|sys\.implementation)\b")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a file.

    Attributes:
        path: The file, relative to the project.
        line: Its first line, counted from 1.
        function: The qualified name of the function around it; empty at module and class level.
        lines: First and last line of the statement that holds it; of the whole function for a parameter's default.
        start: Where the replaced text begins, in bytes.
        end: Where it ends.
        old: The replaced text.
        new: What replaces it.
        before: The changed line, stripped.
        after: The same line in the mutant, stripped; the first line if the change spans several.
    """

    path: str
    line: int
    function: str
    lines: tuple[int, int]
    start: int
    end: int
    old: str
    new: str
    before: str
    after: str

    def applied(self, source: bytes) -> bytes:
        """The file with the change."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  →  {self.after}"


def mutants(file: Path, root: Path) -> list[Mutant]:
    """All mutants of a file, in order; `root` is the project's folder."""
    source = file.read_bytes()
    finder = _Finder(source, str(file.relative_to(root)))
    finder.visit(ast.parse(source))
    return finder.found


def functions(source: bytes) -> dict[int, str]:
    """Line → qualified name of the innermost function around it."""
    names: dict[int, str] = {}

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{prefix}{child.name}"
                names.update(dict.fromkeys(range(child.lineno, (child.end_lineno or child.lineno) + 1), name))
                walk(child, f"{name}.")
            else:
                walk(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)

    walk(ast.parse(source), "")
    return names


class _Finder(ast.NodeVisitor):
    """Collects the mutants of one module."""

    def __init__(self, source: bytes, path: str) -> None:
        self.found: list[Mutant] = []
        self._source = source
        self._path = path
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._names = functions(source)
        self._in_function = False
        self._statement: ast.stmt | None = None
        self._header: ast.stmt | None = None
        self._prose = False

    # Positions

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def _text(self, node: ast.expr | ast.stmt) -> str:
        return self._source[self._start(node) : self._end(node)].decode()

    def _add(self, start: int, end: int, new: str) -> None:
        line = self._source.count(b"\n", 0, start) + 1
        mutated = self._source[:start] + new.encode() + self._source[end:]
        statement = self._header or self._statement
        last = (statement.end_lineno if statement else None) or line
        if self._header is None and statement is not None and isinstance(getattr(statement, "body", None), list):
            last = max(line, statement.body[0].lineno - 1)  # a compound statement: its header only
        self.found.append(
            Mutant(
                path=self._path,
                line=line,
                function=self._names.get(line, ""),
                lines=(min(statement.lineno if statement else line, line), max(last, line)),
                start=start,
                end=end,
                old=self._source[start:end].decode(),
                new=new,
                before=self._source.splitlines()[line - 1].decode().strip(),
                after=mutated.splitlines()[line - 1].decode().strip(),
            )
        )

    def _replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        self._add(self._start(node), self._end(node), new)

    def _replace_between(self, left: ast.expr, right: ast.expr, pattern: str, new: str) -> None:
        start, end = self._end(left), self._start(right)
        if found := re.search(pattern.encode(), self._source[start:end]):
            self._add(start + found.start(), start + found.end(), new)

    # Where to look

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            outer, self._statement = self._statement, node
            super().visit(node)
            self._statement = outer
        else:
            super().visit(node)

    def _visit_all(self, nodes: Iterator[ast.AST] | list[ast.stmt] | list[ast.expr]) -> None:
        for node in nodes:
            self.visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if not any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases):
            self._visit_all(node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = " ".join(self._text(decorator) for decorator in node.decorator_list)
        if node.name in _PROSE_FUNCTIONS or "overload" in decorators or "abstractmethod" in decorators:
            return
        outer, self._in_function = self._in_function, True
        self._header = node
        self._visit_all([default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None])
        self._header = None
        self._visit_all(node.body)
        self._in_function = outer

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_If(self, node: ast.If) -> None:
        test = self._text(node.test)
        if "TYPE_CHECKING" in test or _PLATFORM.search(test):
            self._visit_all(node.orelse if "TYPE_CHECKING" in test else [])
            return
        self._condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._visit_all([node.iter, *node.ifs])
        for test in node.ifs:
            self._condition(test)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if (node.value is not None and node.simple and self._in_function) or isinstance(node.value, ast.Dict):
            self.visit(node.value)
        elif not node.simple and self._in_function and node.value is not None:
            self._replace(node, "pass")

    def visit_Assign(self, node: ast.Assign) -> None:
        if not self._in_function and not isinstance(node.value, (ast.Dict, ast.DictComp)):
            return
        if self._in_function and all(isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets):
            self._replace(node, "pass")
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "pass")
        self.visit(node.value)

    def visit_Assert(self, node: ast.Assert) -> None:
        return

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        return

    def visit_Raise(self, node: ast.Raise) -> None:
        if "NotImplementedError" not in self._text(node):
            self._replace(node, "pass")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "break")

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "continue")

    def visit_Delete(self, node: ast.Delete) -> None:
        self._replace(node, "pass")

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Constant):
            return
        if isinstance(value, ast.Call) and not (
            _name(value.func).startswith("_log") or "log." in self._text(value.func)
        ):
            self._replace(node, "pass")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            self._replace(node, "return None")
        self.generic_visit(node)

    # What to change

    def _condition(self, test: ast.expr) -> None:
        if isinstance(test, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.NamedExpr, ast.Await)):
            self._replace(test, f"(not ({self._text(test)}))")

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            pattern, new = _COMPARE[type(operator)]
            if not _PLATFORM.search(self._text(node)):
                self._replace_between(left, right, pattern, new)
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        pattern, new = (r"\band\b", "or") if isinstance(node.op, ast.And) else (r"\bor\b", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._replace_between(left, right, pattern, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            start = self._start(node)
            self._add(start, start + 3, "")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in _ARITHMETIC and not isinstance(node.left, (ast.JoinedStr, ast.List, ast.Tuple)):
            old, new = _ARITHMETIC[type(node.op)]
            if not any(
                isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right)
            ):
                self._replace_between(node.left, node.right, re.escape(old), new)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node.func)
        plain = [argument for argument in node.args if not isinstance(argument, ast.Starred)]
        prose = bool(_PROSE_CALLS.search(name))
        if name in _UNSEEN_CALLS:
            self._visit_all([argument for argument in node.args if not isinstance(argument, ast.Constant)])
            return
        if len(plain) == len(node.args) >= 2 and name not in _UNSWAPPED and not prose:
            first, second = (self._text(argument) for argument in node.args[:2])
            if first != second:
                between = self._source[self._end(node.args[0]) : self._start(node.args[1])].decode()
                self._add(self._start(node.args[0]), self._end(node.args[1]), f"{second}{between}{first}")
        self.visit(node.func)
        outer, self._prose = self._prose, self._prose or prose
        self._visit_all(node.args)
        self._visit_all([word.value for word in node.keywords if not _UNSEEN_ARGUMENTS.match(word.arg or "")])
        self._prose = outer

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, str(not value))
        elif isinstance(value, int) and self._in_function and value < 1000:
            self._replace(node, str(value + 1))
        elif isinstance(value, (str, bytes)) and not self._prose:
            text = value if isinstance(value, str) else value.decode("latin-1")
            if _CODE_LIKE.match(text) and "\n" not in self._text(node):
                self._replace(node, repr(value + "Z" if isinstance(value, str) else value + b"Z"))


def _name(node: ast.expr) -> str:
    """The last part of a called name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
