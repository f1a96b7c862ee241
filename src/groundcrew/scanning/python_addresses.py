"""Addresses of AI services in Python: texts that are called, or kept to be called, and not those that are only told or denied."""

from __future__ import annotations

import ast
import re
from functools import cached_property

from groundcrew.scanning.catalogue import Catalogue, Service
from groundcrew.scanning.hits import DENYING_NAME, URL, Hit
from groundcrew.scanning.python_names import Names

#: What takes an address and calls nothing.
_NO_CALL = re.compile(
    r"(?i)(?:^|\.)(?:print|pprint|log|debug|info|warn|warning|error|exception|critical|echo|secho|fail|skip|assert\w*|raises|match"
    r"|search|fullmatch|sub|compile|startswith|endswith|replace|index|count|find|append|add_argument|help|Exception|\w+Error"
    r"|Link|href|markdown|write|patch|setenv|delenv|isinstance|TypeVar|Literal|add|discard|remove|update|Contact|License)$"
)
_MOCKS = frozenset(
    (
        "responses",
        "respx",
        "requests_mock",
        "httpretty",
        "mock",
        "mocker",
        "m",
        "aioresponses",
        "pook",
        "vcr",
        "httpserver",
        "httpx_mock",
        "rsps",
    )
)
_CONNECTIONS = frozenset(
    ("HTTPSConnection", "HTTPConnection", "create_connection", "open_connection", "insecure_channel", "secure_channel")
)


class Addresses:
    """The addresses of one module."""

    def __init__(self, names: Names, catalogue: Catalogue) -> None:
        self.names, self.catalogue = names, catalogue

    def read(self, told: set[ast.AST], hits: list[Hit]) -> None:
        """Add a hit for each address of an AI service that is called, or kept to be called, and is not in `told`."""
        for node in self.names.nodes:
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or node in told:
                continue
            if node in self.names.docstrings or len(node.value) > 2_000:
                continue
            service = self._addressed(node)
            if service is None:
                continue
            line = self._called_at(node)
            if line is not None and not any(each.line == line and each.kind == "raw_http" for each in hits):
                hits.append(
                    Hit(line=line, kind="raw_http", service=service, reason=f"calls {service.name} over HTTP without the gateway")
                )

    def _addressed(self, node: ast.Constant) -> Service | None:
        value = str(node.value)
        parent = self.names.parents.get(node)
        whole: ast.AST | None = node
        while isinstance(parent, ast.JoinedStr | ast.BinOp):
            whole, parent = parent, self.names.parents.get(parent)
        if whole is not node:
            value = self.names.text(whole) or value
        if URL.match(value):
            found = self.catalogue.of_url(value.strip())
            return found[0] if found is not None and found[1] else None
        if not (isinstance(parent, ast.Call) and (self.names.dotted(parent.func) or "").rpartition(".")[2] in _CONNECTIONS):
            return None
        found = self.catalogue.of_host(value.partition(":")[0]) if "." in value else None
        return found[0] if found is not None and found[1] else None

    def _called_at(self, node: ast.expr) -> int | None:
        """The line of the call that an address is given to; None where it serves something else."""
        for parent, child in self.names.ancestors(node):
            if isinstance(parent, ast.Compare | ast.Assert | ast.Raise):
                return None
            if isinstance(parent, ast.Dict) and child in parent.keys:
                return None
            if isinstance(parent, ast.Call):
                dotted = self.names.dotted(parent.func) or (parent.func.attr if isinstance(parent.func, ast.Attribute) else "")
                if dotted.partition(".")[0] in _MOCKS or _NO_CALL.search(dotted):
                    return None
                if dotted in (
                    "frozenset",
                    "set",
                    "tuple",
                    "list",
                    "dict",
                    "os.getenv",
                    "os.environ.get",
                    "str",
                    "URL",
                    "Field",
                    "dict.fromkeys",
                ):
                    continue
                return parent.lineno
            if isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                return self._kept_at(parent)
            if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                return node.lineno if child is not None else None
            if isinstance(parent, ast.stmt):
                return node.lineno
        return None

    def _kept_at(self, assigned: ast.Assign | ast.AnnAssign | ast.NamedExpr) -> int | None:
        targets = assigned.targets if isinstance(assigned, ast.Assign) else [assigned.target]
        names = {
            each.id if isinstance(each, ast.Name) else each.attr for each in targets if isinstance(each, ast.Name | ast.Attribute)
        }
        if any(
            DENYING_NAME.search(each) or re.search(r"(?i)doc|help|message|text|homepage|referer|origin", each) for each in names
        ):
            return None
        for _, node in sorted((each for name in names for each in self._loads.get(name, ())), key=lambda each: each[0]):
            for parent, _ in self.names.ancestors(node):
                if isinstance(parent, ast.Compare):
                    break
                if isinstance(parent, ast.Call):
                    dotted = self.names.dotted(parent.func) or ""
                    if _NO_CALL.search(dotted) or dotted.partition(".")[0] in _MOCKS:
                        break
                    return parent.lineno
        return assigned.lineno

    @cached_property
    def _loads(self) -> dict[str, list[tuple[int, ast.AST]]]:
        """name → where it is read, in the order of the module."""
        loads: dict[str, list[tuple[int, ast.AST]]] = {}
        for place, node in enumerate(self.names.nodes):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                loads.setdefault(node.id if isinstance(node, ast.Name) else node.attr, []).append((place, node))
        return loads
