"""AI use in Python: read as a syntax tree, so that aliases are followed, and comments and docstrings are none."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from groundcrew.domain.inventory import FindingKind
from groundcrew.scanning.catalogue import Service
from groundcrew.scanning.hits import DENYING_NAME, URL, Found, Hit, Surroundings, is_gateway_key, names_gateway
from groundcrew.scanning.keys_in_text import is_key_value
from groundcrew.scanning.python_names import Names

#: Arguments that say where a client sends its calls, and those that hold its key.
URL_ARGUMENTS = frozenset(
    (
        *("base_url", "api_base", "openai_api_base", "azure_endpoint", "endpoint", "endpoint_url", "base_uri", "host"),
        *("server_url", "url", "anthropic_api_url", "api_endpoint", "inference_server_url", "api_url", "server"),
        *("azure_ai_endpoint",),
    )
)
KEY_ARGUMENTS = frozenset(("api_key", "openai_api_key", "key", "token", "api_token", "anthropic_api_key", "credential", "auth"))
#: Names of a package that are no use of it.
_NO_USE = re.compile(
    r"(?:Error|Exception|Warning|Timeout|NotGiven|NOT_GIVEN|__version__)$|(?:^|\.)_?(?:types|exceptions|errors|version)(?:\.|$)"
)
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
_CLOUD_MAKERS = frozenset(("client", "resource", "create_client"))
_BEDROCK = re.compile(r"bedrock(?:-[a-z-]+)?")
_CONNECTIONS = frozenset(
    ("HTTPSConnection", "HTTPConnection", "create_connection", "open_connection", "insecure_channel", "secure_channel")
)


def read_python(text: str, around: Surroundings) -> Found | None:
    """What a Python module uses; None where it is not Python 3 and has to be read as text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    try:
        return _Reader(tree, around).read()
    except RecursionError:
        return None


class _Reader:
    def __init__(self, tree: ast.Module, around: Surroundings) -> None:
        self.names, self.around, self.catalogue = Names(tree), around, around.catalogue
        self.hits: list[Hit] = []
        self.governed: list[str] = []
        #: Text nodes that a client was given as its address, and are no call of their own.
        self.told: set[ast.AST] = set()
        #: Services whose module, or whose variable in the environment, this module points at the gateway.
        self.pointed: set[str] = set()

    def read(self) -> Found:
        self._pointed()
        imported = self._imported()
        made = self._clients(imported)
        self._cloud()
        self._imports_alone(imported, made)
        self._addresses()
        return Found(hits=self.hits, governed=self.governed)

    def _service(self, dotted: str | None) -> Service | None:
        root = dotted.partition(".")[0] if dotted is not None else ""
        if dotted is None or root in self.around.own_modules or root not in self.names.roots:
            return None
        return self.catalogue.of_package("python", dotted)

    def _imported(self) -> dict[str, tuple[Service, int]]:
        """Services that are imported → their service and the line of the first import that is a use."""
        found: dict[str, tuple[Service, int]] = {}
        for dotted, _, line in self.names.imports:
            service = self._service(dotted)
            if service is not None and not _NO_USE.search(dotted):
                found.setdefault(service.id, (service, line))
        return found

    def _pointed(self) -> None:
        """``openai.base_url = …`` and ``os.environ["OPENAI_BASE_URL"] = …``."""
        for node in self.names.nodes:
            if not isinstance(node, ast.Assign):
                continue
            for target in node.targets:
                service = self._pointed_service(target)
                if service is None:
                    continue
                url = self.names.text(node.value)
                self.told.update(each for each in ast.walk(node.value) if isinstance(each, ast.Constant))
                if self._leads_to_gateway(url, node.value):
                    self.pointed.add(service.id)
                    self.governed.append(service.id)
                elif url is not None and (URL.match(url) or "{" in url):
                    self._override(node.lineno, service, url)

    def _pointed_service(self, target: ast.expr) -> Service | None:
        if isinstance(target, ast.Attribute) and target.attr in URL_ARGUMENTS:
            return self._service(self.names.dotted(target.value))
        if isinstance(target, ast.Subscript) and (self.names.dotted(target.value) or "").endswith("environ"):
            return self.catalogue.url_names.get(self.names.text(target.slice) or "")
        return None

    def _leads_to_gateway(self, url: str | None, node: ast.expr | None) -> bool:
        if url is not None and URL.match(url):
            return self.around.is_gateway(url)
        return node is not None and names_gateway(self.names.mentioned(node)) and not (url and self.catalogue.of_url(url))

    def _override(self, line: int, service: Service, url: str) -> None:
        found = self.catalogue.of_url(url)
        target = found[0] if found is not None else service
        where = f"to {target.name}" if found is not None else "to an address that is not the gateway's"
        self.hits.append(
            Hit(line=line, kind="base_url_override", service=target, reason=f"a client of {service.name} sends its calls {where}")
        )

    def _clients(self, imported: dict[str, tuple[Service, int]]) -> set[str]:
        """Report what makes clients and calls; the services of which something was found or is governed."""
        made: set[str] = set()
        others: dict[str, tuple[int, ast.Call]] = {}
        for node in self.names.nodes:
            if isinstance(node, ast.Call):
                dotted = self.names.dotted(node.func)
                service = self._service(dotted)
                if service is None or dotted is None or _NO_USE.search(dotted):
                    continue
                last = dotted.rpartition(".")[2]
                if any(part in service.calls for part in dotted.split(".")[1:]) or (
                    last.startswith("from_") and last not in ("from_template", "from_messages")
                ):
                    made.add(service.id)
                    self._client(node, service)
                else:
                    others.setdefault(service.id, (node.lineno, node))
            elif isinstance(node, ast.Name | ast.Attribute) and self._handed_on(node):
                service = self._service(self.names.dotted(node))
                if service is not None:
                    made.add(service.id)
                    if service.role != "framework":
                        self._report(node.lineno, service, f"a maker of clients of {service.name} is handed on")
        for name, (_, call) in others.items():
            if name not in made:
                service = self.catalogue.services[name]
                made.add(name)
                self._client(call, service)
        return made

    def _handed_on(self, node: ast.Name | ast.Attribute) -> bool:
        """Whether a maker of clients is given to something else, which will call it."""
        if not isinstance(node.ctx, ast.Load):
            return False
        parent = self.names.parents.get(node)
        service = self._service(self.names.dotted(node))
        if service is None or (self.names.dotted(node) or "").rpartition(".")[2] not in service.calls:
            return False
        if isinstance(parent, ast.Call):
            return node in parent.args and (self.names.dotted(parent.func) or "") not in (
                "isinstance",
                "issubclass",
                "cast",
                "getattr",
                "patch.object",
                "mock.patch.object",
                "hasattr",
                "Mock",
                "MagicMock",
                "create_autospec",
            )
        if isinstance(parent, ast.keyword):
            return parent.arg not in ("spec", "autospec", "spec_set")
        if isinstance(parent, ast.ClassDef):
            return node in parent.bases
        return isinstance(parent, ast.Dict | ast.List | ast.Tuple | ast.Return | ast.Lambda | ast.IfExp) and not self._in_check(
            node
        )

    def _in_check(self, node: ast.AST) -> bool:
        for parent, child in self.names.ancestors(node):
            if isinstance(parent, ast.Call) and (self.names.dotted(parent.func) or "") in ("isinstance", "issubclass"):
                return True
            if isinstance(parent, ast.Subscript | ast.AnnAssign | ast.arg | ast.ExceptHandler) and child is not getattr(
                parent, "value", None
            ):
                return True
            if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef) and child is parent.returns:
                return True
            if isinstance(parent, ast.stmt):
                return False
        return False

    def _arguments(self, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        """The named arguments of a call, those of ``**options`` too where the options can be read."""
        for each in call.keywords:
            if each.arg is not None:
                yield each.arg, each.value
                continue
            options = self.names.values.get(each.value.id) if isinstance(each.value, ast.Name) else each.value
            if isinstance(options, ast.Dict):
                for key, value in zip(options.keys, options.values, strict=True):
                    if key is not None and (name := self.names.text(key)):
                        yield name, value
            elif isinstance(options, ast.Call):
                yield from ((inner.arg, inner.value) for inner in options.keywords if inner.arg is not None)

    def _client(self, call: ast.Call, service: Service) -> None:
        """Report a client unless it is the gateway's."""
        url_node, key_node, headers = None, None, False
        for name, value in self._arguments(call):
            if name in URL_ARGUMENTS:
                url_node = value
            elif name in KEY_ARGUMENTS:
                key_node = value
            elif name in ("default_headers", "http_options", "client_options", "extra_headers"):
                nested = [each for each in ast.walk(value) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
                headers = headers or any(str(each.value).lower().startswith("groundcrew-") for each in nested)
                url_node = url_node or next((each for each in nested if URL.match(str(each.value))), None)
        if url_node is None and service.id == "ollama" and call.args:
            url_node = call.args[0]
        url = self.names.text(url_node)
        if url_node is not None:
            self.told.update(each for each in ast.walk(url_node) if isinstance(each, ast.Constant))
            if isinstance(url_node, ast.Name):
                self.told.update(
                    each for each in ast.walk(self.names.values.get(url_node.id, url_node)) if isinstance(each, ast.Constant)
                )
        if url is not None and URL.match(url):
            # Wherever the address is kept, it is this client's, and no call of its own.
            self.told.update(
                each
                for each in self.names.nodes
                if isinstance(each, ast.Constant)
                and isinstance(each.value, str)
                and URL.match(each.value)
                and url.startswith(each.value)
            )
        key = self.names.text(key_node) or ""
        if (
            headers
            or is_gateway_key(key)
            or self._leads_to_gateway(url, url_node)
            or (key_node is not None and re.search("(?i)groundcrew", self.names.mentioned(key_node)))
        ):
            self.governed.append(service.id)
            return
        if url_node is None and (service.id in self.pointed or set(service.url_names) & self.around.governed_names):
            self.governed.append(service.id)
            return
        if key_node is not None and isinstance(key_node, ast.Constant) and is_key_value(key):
            self.hits.append(
                Hit(
                    line=key_node.lineno,
                    kind="hardcoded_key",
                    service=service,
                    mask=key,
                    reason=f"a key of {service.name} is written out, ending in {key[-4:]}: revoke it, a file is no place for it",
                )
            )
        if url is not None and URL.match(url) and service.role == "sdk" and not self._is_own_address(url, service):
            self._override(call.lineno, service, url)
            return
        unread = url_node is not None and url is None
        hint = "; where it sends them can not be read here" if unread else ""
        self._report(call.lineno, service, f"calls {service.name} without the gateway{hint}")

    def _is_own_address(self, url: str, service: Service) -> bool:
        found = self.catalogue.of_url(url)
        return found is not None and found[0].id == service.id

    def _report(self, line: int, service: Service, reason: str) -> None:
        kind: FindingKind = (
            "framework" if service.role == "framework" else "cloud_sdk" if service.role == "cloud" else "sdk_constructor"
        )
        if kind == "framework":
            return  # Reported once, where it is imported.
        if not any(each.line == line and each.kind == kind for each in self.hits):
            self.hits.append(Hit(line=line, kind=kind, service=service, reason=reason))

    def _cloud(self) -> None:
        """``boto3.client("bedrock-runtime")`` on whatever session."""
        for node in self.names.nodes:
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name not in _CLOUD_MAKERS:
                continue
            given = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "service_name"), None)
            wanted = self.names.text(given)
            if wanted is None or not _BEDROCK.fullmatch(wanted):
                continue
            service = self.catalogue.services["amazon-bedrock"]
            url_node = next((k.value for k in node.keywords if k.arg == "endpoint_url"), None)
            if url_node is not None and self._leads_to_gateway(self.names.text(url_node), url_node):
                self.governed.append(service.id)
                continue
            self.told.update(each for each in ast.walk(node) if isinstance(each, ast.Constant))
            self._report(node.lineno, service, f"calls {service.name} ({wanted}) without the gateway")

    def _imports_alone(self, imported: dict[str, tuple[Service, int]], made: set[str]) -> None:
        """What is imported and neither makes a client here nor is the gateway's; frameworks where they are imported."""
        ungoverned = any(each.kind in ("sdk_constructor", "base_url_override", "raw_http", "cloud_sdk") for each in self.hits)
        for name, (service, line) in imported.items():
            if service.role == "framework":
                if self.governed and not ungoverned:
                    self.governed.append(name)
                else:
                    self.hits.append(Hit(line=line, kind="framework", service=service, reason=f"uses {service.name}"))
            elif name not in made and not self._only_in_checks(service):
                self.hits.append(
                    Hit(
                        line=line,
                        kind="cloud_sdk" if service.role == "cloud" else "sdk_constructor",
                        service=service,
                        severity="medium",
                        reason=f"imports {service.name}, and makes no client of its own here",
                    )
                )

    def _only_in_checks(self, service: Service) -> bool:
        """Whether all that is imported of a service serves to catch, check or annotate."""
        locals_of = {local for dotted, local, _ in self.names.imports if self._service(dotted) is service}
        uses = [node for node in self.names.nodes if isinstance(node, ast.Name) and node.id in locals_of]
        return bool(uses) and all(self._is_check(node) for node in uses)

    def _is_check(self, node: ast.Name) -> bool:
        parent = self.names.parents.get(node)
        if isinstance(parent, ast.Attribute) and _NO_USE.search(parent.attr):
            return True
        for above, child in self.names.ancestors(node):
            if isinstance(above, ast.arg) or (isinstance(above, ast.AnnAssign) and child is above.annotation):
                return True
            if isinstance(above, ast.ExceptHandler) and child is above.type:
                return True
            if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef) and child is above.returns:
                return True
            if isinstance(above, ast.Call) and (self.names.dotted(above.func) or "") in ("isinstance", "issubclass"):
                return True
        return False

    def _addresses(self) -> None:
        """Addresses of AI services in texts that are called, or kept to be called."""
        for node in self.names.nodes:
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or node in self.told:
                continue
            if node in self.names.docstrings or len(node.value) > 2_000:
                continue
            service = self._addressed(node)
            if service is None:
                continue
            line = self._called_at(node)
            if line is not None and not any(each.line == line and each.kind == "raw_http" for each in self.hits):
                self.hits.append(
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
        for node in self.names.nodes:
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                if (node.id if isinstance(node, ast.Name) else node.attr) not in names:
                    continue
                for parent, _ in self.names.ancestors(node):
                    if isinstance(parent, ast.Compare):
                        break
                    if isinstance(parent, ast.Call):
                        dotted = self.names.dotted(parent.func) or ""
                        if _NO_CALL.search(dotted) or dotted.partition(".")[0] in _MOCKS:
                            break
                        return parent.lineno
        return assigned.lineno
