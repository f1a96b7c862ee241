"""AI use in Python: read as a syntax tree, so that aliases are followed, and comments and docstrings are none."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from groundcrew.domain.inventory import FindingKind
from groundcrew.scanning.catalogue import Service
from groundcrew.scanning.hits import URL, Found, Hit, Surroundings, is_gateway_key, names_gateway
from groundcrew.scanning.keys_in_text import is_key_value, issuer_of
from groundcrew.scanning.python_addresses import Addresses
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
#: What makes a model of a framework, or asks one at once.
_MODEL_MAKER = re.compile(
    r"(?:Chat(?!Prompt|Message|History|Memory|Session)[A-Z]\w*|(?:Azure)?OpenAI\w*|Anthropic\w*|Gemini\w*|Bedrock\w*|\w+Embeddings?|LM|LLM"
    r"|\w*LLM\w*Model|\w*LLM|init_chat_model|a?completion|a?embedding)$"
)
_CLOUD_MAKERS = frozenset(("client", "resource", "create_client"))
_BEDROCK = re.compile(r"bedrock(?:-[a-z-]+)?")


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
        #: Frameworks of which a model is made that does not answer through the gateway, and those of which one does.
        self.loose: set[str] = set()
        self.tied: set[str] = set()

    def read(self) -> Found:
        self._pointed()
        imported = self._imported()
        made = self._clients(imported)
        self._cloud()
        self._imports_alone(imported, made)
        self._loaded_by_name(made)
        Addresses(self.names, self.catalogue).read(self.told, self.hits)
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
                self._key_set_apart(target, node.value)
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

    def _key_set_apart(self, target: ast.expr, value: ast.expr) -> None:
        """``sdk.api_key = "…"``: a key that a whole module is given."""
        key = self.names.text(value) if isinstance(value, ast.Constant) else None
        if key is None or not isinstance(target, ast.Attribute) or target.attr not in KEY_ARGUMENTS or not is_key_value(key):
            return
        service = self._service(self.names.dotted(target.value))
        if service is not None and not is_gateway_key(key):
            self._key(value.lineno, key, issuer_of(key, service, self.around))

    def _key(self, line: int, key: str, issuer: Service) -> None:
        reason = f"a key of {issuer.name} is written out, ending in {key[-4:]}: revoke it, a file is no place for it"
        self.hits.append(Hit(line=line, kind="hardcoded_key", service=issuer, mask=key, reason=reason))

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
                if service.role == "framework" and _MODEL_MAKER.match(last):
                    made.add(service.id)
                    before = len(self.governed)
                    self._client(node, service)
                    (self.tied if len(self.governed) > before else self.loose).add(service.id)
                elif any(part in service.calls for part in dotted.split(".")[1:]) or (
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
                        service = self.catalogue.sold_by(service, (self.names.dotted(node) or "").rpartition(".")[2])
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
        package, service = service, self.catalogue.sold_by(service, (self.names.dotted(call.func) or "").rpartition(".")[2])
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
            self.governed.append(package.id)
            return
        provider = self._provider(call) if service.role == "framework" else service
        pointed = provider is not None and (
            provider.id in self.pointed or bool(set(provider.url_names) & self.around.governed_names)
        )
        if url_node is None and pointed:
            self.governed.append(package.id)
            return
        if key_node is not None and isinstance(key_node, ast.Constant) and is_key_value(key):
            told = self.catalogue.of_url(url) if url else None
            self._key(key_node.lineno, key, issuer_of(key, told[0] if told is not None else service, self.around))
        if url is not None and URL.match(url) and package.role == "sdk" and not self._is_own_address(url, package):
            self._override(call.lineno, package, url)
            return
        unread = url_node is not None and url is None
        hint = "; where it sends them can not be read here" if unread else ""
        self._report(call.lineno, service, f"calls {service.name} without the gateway{hint}")

    def _provider(self, call: ast.Call) -> Service | None:
        """Whose model a framework's is, such as ``ChatOpenAI``: the provider's variables say where it sends its calls."""
        said = (self.names.dotted(call.func) or "").rpartition(".")[2].lower()
        providers = (each for each in self.catalogue.services.values() if each.role != "framework" and each.url_names)
        return next((each for each in providers if each.id.replace("-", "") in said), None)

    def _is_own_address(self, url: str, service: Service) -> bool:
        found = self.catalogue.of_url(url)
        return found is not None and found[0].id == service.id

    def _report(self, line: int, service: Service, reason: str) -> None:
        kind: FindingKind = (
            "framework" if service.role == "framework" else "cloud_sdk" if service.role == "cloud" else "sdk_constructor"
        )
        if kind == "framework":
            return  # Reported once, where it is imported.
        if not any(each.line == line and each.kind == kind and each.service is service for each in self.hits):
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
                if name not in self.loose and (name in self.tied or (self.governed and not ungoverned)):
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

    def _loaded_by_name(self, made: set[str]) -> None:
        """Modules that are loaded by a name that only stands at run time: packages that the file lists are what it can be."""
        load = next((node for node in self.names.nodes if self.names.loads_unknown(node)), None)
        if load is None:
            return
        for node in self.names.nodes:
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or node in self.names.docstrings:
                continue
            if not isinstance(self.names.parents.get(node), ast.Dict | ast.Tuple | ast.List | ast.Set):
                continue
            service = self.catalogue.of_package("python", node.value) if node.value.isidentifier() else None
            if service is None or service.role == "framework" or service.id in made or node.value in self.around.own_modules:
                continue
            made.add(service.id)
            reason = f"{service.name} is loaded by its name"
            self.hits.append(
                Hit(
                    line=getattr(load, "lineno", node.lineno),
                    kind="cloud_sdk" if service.role == "cloud" else "sdk_constructor",
                    service=service,
                    severity="medium",
                    reason=reason,
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
