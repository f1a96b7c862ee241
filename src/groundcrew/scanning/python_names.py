"""What names in a Python module stand for: imports with their aliases, constants, and what stands around an expression."""

from __future__ import annotations

import ast
from collections.abc import Iterator

#: How deep a name is followed through assignments.
FOLLOW_MAX = 5
#: Calls that only name a module.
_IMPORTERS = frozenset(("importlib.import_module", "__import__", "import_module"))
_ENVIRONMENT_CALLS = frozenset(("os.getenv", "os.environ.get", "getenv", "environ.get", "os.environ.setdefault", "config", "env"))


class Names:
    """The names of one module. `imports` are (dotted name, local name, line) of what is imported at run time."""

    def __init__(self, tree: ast.Module) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.aliases: dict[str, str] = {}
        self.values: dict[str, ast.expr] = {}
        self.imports: list[tuple[str, str, int]] = []
        self.docstrings: set[ast.AST] = set()
        #: Modules all of whose names are imported, so that a capitalised name of nobody else's is one of theirs.
        self.stars: list[str] = []
        self.nodes: list[ast.AST] = list(self._walk(tree))
        for node in self.nodes:
            self._note(node)
        #: First parts of what is imported: other names are the module's own, whatever they are called.
        self.roots = {dotted.partition(".")[0] for dotted, _, _ in self.imports}

    def _walk(self, tree: ast.Module) -> Iterator[ast.AST]:
        stack: list[ast.AST] = [tree]
        while stack:
            node = stack.pop()
            yield node
            children = list(ast.iter_child_nodes(node))
            for child in children:
                self.parents[child] = node
            stack.extend(reversed(children))

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import) and not self._for_types(node):
            for each in node.names:
                local = each.asname or each.name.partition(".")[0]
                self.aliases[local] = each.name if each.asname else local
                self.imports.append((each.name, local, node.lineno))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and not self._for_types(node):
            for each in node.names:
                local = each.asname or each.name
                if each.name == "*":
                    self.stars.append(node.module)
                self.aliases[local] = f"{node.module}.{each.name}"
                self.imports.append((f"{node.module}.{each.name}", local, node.lineno))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    self._assign(target.id, node.value)
                elif (
                    isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id in ("self", "cls")
                ):
                    self._assign(f"{target.value.id}.{target.attr}", node.value)
        elif isinstance(node, ast.NamedExpr):
            self._assign(node.target.id, node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._defaults(node.args)
        elif isinstance(node, ast.Call) and (module := self.imported_by_call(node)) is not None:
            self.imports.append((module, "", node.lineno))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            self.docstrings.add(node.value)

    def _defaults(self, arguments: ast.arguments) -> None:
        positional = [*arguments.posonlyargs, *arguments.args]
        for each, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
            self.values.setdefault(each.arg, default)
        for each, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=False):
            if given is not None:
                self.values.setdefault(each.arg, given)

    def _assign(self, name: str, value: ast.expr) -> None:
        module = self.imported_by_call(value)
        if module is not None:
            self.aliases[name] = module
            self.imports.append((module, name, value.lineno))
            return
        self.values.setdefault(name, value)

    def imported_by_call(self, node: ast.AST) -> str | None:
        """The module of ``importlib.import_module("x")`` and its like, or None."""
        if isinstance(node, ast.Call) and self.dotted(node.func) in _IMPORTERS and node.args:
            return self.text(node.args[0])
        return None

    def loads_unknown(self, node: ast.AST) -> bool:
        """Whether a module is loaded here whose name can not be read."""
        return (
            isinstance(node, ast.Call)
            and bool(node.args)
            and self.dotted(node.func) in _IMPORTERS
            and self.text(node.args[0]) is None
        )

    def _for_types(self, node: ast.AST) -> bool:
        at: ast.AST | None = self.parents.get(node)
        while at is not None:
            if isinstance(at, ast.If) and "TYPE_CHECKING" in ast.dump(at.test):
                return True
            at = self.parents.get(at)
        return False

    def dotted(self, node: ast.AST, depth: int = 0) -> str | None:
        """What a name or attribute stands for, as a dotted name from its import; None where that can not be told."""
        if depth > FOLLOW_MAX:
            return None
        if isinstance(node, ast.Name):
            if node.id in self.aliases:
                return self.aliases[node.id]
            value = self.values.get(node.id)
            if isinstance(value, ast.Name | ast.Attribute) and not (isinstance(value, ast.Name) and value.id == node.id):
                return self.dotted(value, depth + 1)
            if self.stars and node.id[:1].isupper() and node.id not in self.values:
                return f"{self.stars[0]}.{node.id}"
            return node.id
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value, depth + 1)
            return f"{base}.{node.attr}" if base is not None else None
        if isinstance(node, ast.Call):
            if (module := self.imported_by_call(node)) is not None:
                return module
            if self.dotted(node.func, depth + 1) == "getattr" and len(node.args) >= 2 and (name := self.text(node.args[1])):
                base = self.dotted(node.args[0], depth + 1)
                return f"{base}.{name}" if base is not None else None
        return None

    def text(self, node: ast.AST | None, depth: int = 0) -> str | None:
        """The text that an expression stands for, as far as it begins with what can be read; None where it can not be told."""
        if node is None or depth > FOLLOW_MAX:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            parts = [self.text(each.value if isinstance(each, ast.FormattedValue) else each, depth + 1) for each in node.values]
            return "".join(each if each is not None else "{}" for each in parts)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            left, right = self.text(node.left, depth + 1), self.text(node.right, depth + 1)
            return None if left is None else left + (right or "") if isinstance(node.op, ast.Add) else left
        if isinstance(node, ast.Name):
            return self.text(self.values.get(node.id), depth + 1)
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
                return self.text(self.values.get(f"{node.value.id}.{node.attr}"), depth + 1) or self.text(
                    self.values.get(node.attr), depth + 1
                )
            return self.text(self.values.get(node.attr), depth + 1)
        if isinstance(node, ast.BoolOp):
            return next((found for each in node.values if (found := self.text(each, depth + 1)) is not None), None)
        if isinstance(node, ast.Call):
            return self._text_of_call(node, depth)
        return None

    def _text_of_call(self, node: ast.Call, depth: int) -> str | None:
        name = self.dotted(node.func) or ""
        if name in _ENVIRONMENT_CALLS:
            given = node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "default"), None)
            return self.text(given, depth + 1)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "strip", "rstrip", "lstrip", "join"):
            return self.text(node.func.value, depth + 1)
        if name.rpartition(".")[2] in ("URL", "Url", "urljoin", "str", "SecretStr", "HttpUrl") and node.args:
            return self.text(node.args[0], depth + 1)
        return None

    def mentioned(self, node: ast.AST | None, depth: int = 0) -> str:
        """All names and texts in an expression, and in what its names are assigned, for looking at what it is called."""
        if node is None or depth > FOLLOW_MAX:
            return ""
        words = []
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                words.append(each.id)
                value = self.values.get(each.id)
                if value is not None and value is not node:
                    words.append(self.mentioned(value, depth + 1))
            elif isinstance(each, ast.Attribute):
                words.append(each.attr)
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                words.append(each.value)
        return " ".join(words)

    def ancestors(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """What stands around `node`, from within: (what stands around, which child of it leads to `node`)."""
        child = node
        while (parent := self.parents.get(child)) is not None:
            yield parent, child
            child = parent
