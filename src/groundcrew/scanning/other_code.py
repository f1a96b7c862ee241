"""AI use in code that is no Python: by what is imported, by what makes clients, and by the addresses that are called."""

from __future__ import annotations

import re
from functools import cached_property

import msgspec

from groundcrew.domain.inventory import FindingKind
from groundcrew.scanning.catalogue import Service
from groundcrew.scanning.gateway_reach import GatewayReach
from groundcrew.scanning.hits import DENYING_NAME, URL, Found, Hit, Surroundings, is_gateway_key, names_gateway
from groundcrew.scanning.keys_in_text import is_key_value, issuer_of
from groundcrew.scanning.lexing import Family, Lexed, Text, closing, lex

#: How far back is looked for what a text is given to.
BACK_MAX = 400
#: How far ahead is looked for what calls an address that has a name, and for how many of them in a file.
AHEAD_MAX, AHEAD_TIMES_MAX = 50_000, 1_000


class Language(msgspec.Struct, frozen=True):
    """How a language is read: its family, where its packages are named in the catalogue, and how it imports."""

    name: str
    family: Family
    where: str
    #: Imports that name a package in code; group 1 is the package. Imports that name it in a text are told by what precedes it.
    imports: str = ""
    before_text: str = ""


_JVM_IMPORT = r"(?m)^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)"
_SCRIPT = Language(
    "javascript", "script", "npm", before_text=r"(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\(|\brequire\.resolve\s*\()\s*$"
)
#: Ending of a file → its language.
LANGUAGES: dict[str, Language] = {
    **dict.fromkeys(("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts"), _SCRIPT),
    **dict.fromkeys(("java", "kt", "kts", "scala", "groovy"), Language("java", "c", "java", _JVM_IMPORT)),
    "go": Language("go", "c", "go", before_text=r"(?:\bimport\s+(?:[\w.]+\s+)?|\bimport\s*\([^)]*)$"),
    "cs": Language(
        "csharp", "c", "csharp", r"(?m)^[ \t]*(?:global[ \t]+)?using[ \t]+(?:static[ \t]+)?(?:\w+[ \t]*=[ \t]*)?([\w.]+)\s*;"
    ),
    "fs": Language("csharp", "c", "csharp", r"(?m)^[ \t]*open[ \t]+([\w.]+)"),
    "vb": Language("csharp", "c", "csharp", r"(?m)^[ \t]*Imports[ \t]+([\w.]+)"),
    "rb": Language("ruby", "hash", "ruby", before_text=r"\brequire\s*\(?\s*$"),
    "php": Language(
        "php", "php", "php", r"(?m)(?:^[ \t]*use[ \t]+|new[ \t]+\\?|[^\w\\]\\?)([A-Z]\w*(?:\\\w+)*)(?=\s*(?:;|::|\(|(?<=\s)as\b))"
    ),
    "rs": Language("rust", "rust", "rust", r"(?m)\b(?:use|extern\s+crate)\s+([a-z_][\w]*)|\b([a-z_]\w*)::"),
    "r": Language("r", "hash", "r", r"(?m)\b(?:library|require|requireNamespace)\s*\(\s*(\w+)|\b(\w+)::"),
    "swift": Language("swift", "c", "swift", r"(?m)^[ \t]*import[ \t]+(\w+)"),
    "dart": Language("dart", "script", "dart", before_text=r"\bimport\s*$"),
    **dict.fromkeys(("c", "h", "cpp", "cc", "hpp", "m", "ex", "exs", "lua", "pl"), Language("other", "c", "other")),
}
LANGUAGES["ex"] = LANGUAGES["exs"] = LANGUAGES["pl"] = LANGUAGES["jl"] = Language("other", "hash", "other")

_URL_ARGUMENT = re.compile(
    r"(?i)\b(?:base_?url|base_?path|api_?base|api_?host|base_?uri|server_?url|endpoint|host|uri_?base|with_?base_?url|with_?api_?base|base_?address"
    r"|option\.WithBaseURL|url)\b\s*(?:[:=(]|=>|,)+\s*"
)
_NO_CALL = re.compile(
    r"(?i)(?:console\.\w+|\blog(?:ger|ging)?\b[\w.:>-]*|\bprint\w*|\bputs|\becho|\bfmt\.\w*rint\w*|\bthrow\b.*|Error|Exception|\bexpect|\bassert\w*|nock|\bdescribe"
    r"|\bit|\btest|toBe\w*|toEqual|toHaveBeenCalledWith|href\s*=\s*\{?|src\s*=\s*\{?|mock\w*|stub\w*|wiremock|System\.out\.\w+|WriteLine|includes|startsWith"
    r"|indexOf|\w*Has(?:Prefix|Suffix)|EqualFold|(?:str_)?(?:starts?|ends?)_?with\??|str_contains|strn?cmp|strpos|strings\.Index|grepl|===?|!==?|rest\.\w+|msw\.\w+|\bcase|errors\.New|t\.\w+|eprintln!|println!|warn!|info!|panic!|contains"
    r"|WebMock\.\w+|stub_request)\s*\(?\s*(?:\w+,\s*)?$"
)
#: What answers calls in a test instead of making them.
_STUB = re.compile(r"(?i)\b(?:nock|stub_request|\w*mock\w*|wiremock|expect|(?:page|context|cy)\.(?:route|intercept))\s*[.(]")
_STUB_BY_NAME = re.compile(r"\b(?:http|rest)\.\w+(?:<[^()]*>)?\s*\(\s*$")
_WORD = re.compile(r"\w+")
_ASSIGNED = re.compile(
    r"(?i)([\w$]+)\s*(?::\s*[\w<>\[\]., ]+)?\s*(?:=|:=|:|=>)\s*(?:new\s+(?:Set|Url|URL|URI)\s*\(\s*"
    r"|URI\.create\(\s*|\w*(?:List|Set)\.of\(|\[\]string\{|&?\[|\{|\(|new\[\]\s*\{|new\s+\w+(?:\[\])?\s*\{)?\s*(?:[,\s]*)$"
)
#: What makes a model of a framework, or is one of a provider at once, such as ``openai("gpt-4o")`` of the Vercel AI SDK.
_MODEL_MAKER = re.compile(
    r"create(?:[A-Z]\w*)|Chat(?!Prompt|Message|History)[A-Z]\w*|(?:Azure)?OpenAI\w*|\w+Embeddings?|\w+(?:Chat|Embedding|Language)Model"
    r"|openai|anthropic|google|mistral|groq|xai|azure|bedrock|vertex|deepseek|cohere|perplexity|togetherai|fireworks"
)
_STATEMENT_END = re.compile(r";|\n(?!\s*(?:\.|\?\.|&\.|->|\{|\)|\]))")
_BLOCK_END = re.compile(r";|\n\s*\n")
_RUST_MAKER = re.compile(
    r"(?<![\w:])(?P<path>(?:\w+::)*)(?P<kind>Client|Ollama|Anthropic\w*)(?:::<[^>]{0,200}>)?::(?:new|with_config|default|builder|from_env)\s*\("
)
_KEPT = re.compile(r"(?<![\w$.])([\w$]+)\s*(?::\s*\w+\s*)?(?::=|=)\s*(?:[\w.]+\s*(?:\|\||\?\?)\s*)?")
_CLAUSE = re.compile(
    r"(?s)(?:\bimport\s+(?P<type>type\s+)?(?P<clause>[\w$*{},\s]+?)\s*\bfrom\s*|\b(?:const|let|var)\s+(?P<bound>[\w$]+|\{[^}]*\})\s*(?::[^=]+)?=\s*(?:await\s+)?(?:require|import)\s*\(\s*)$"
)


def read_code(source: str, language: Language, around: Surroundings) -> Found:
    """What a file of one of the languages uses."""
    return _Reader(lex(source, language.family), language, around).read()


class _Reader:
    def __init__(self, lexed: Lexed, language: Language, around: Surroundings) -> None:
        self.lexed, self.language, self.around, self.catalogue = lexed, language, around, around.catalogue
        self.hits: list[Hit] = []
        self.governed: list[str] = []
        #: Texts that are an import, or the address of a client.
        self.told: set[int] = set()
        self.looked = 0
        #: service → the line of its first import, and the local names of what was imported.
        self.imports: dict[str, int] = {}
        self.locals: dict[str, set[str]] = {}
        #: Whether some address of a client in this file is the gateway's, and none is another's.
        urls = [each for each in lexed.texts if URL.match(each.value)]
        gateways = [each for each in urls if around.is_gateway(each.value)]
        self.gateway_here = bool(gateways)
        self._assigned: dict[str, str] = {}
        self.reach = GatewayReach(lexed, gateways)

    def read(self) -> Found:
        self._imports()
        for name, line in self.imports.items():
            self._uses(self.catalogue.services[name], line)
        self._frameworks()
        self._addresses()
        return Found(hits=self.hits, governed=self.governed)

    def _imports(self) -> None:
        if self.language.before_text:
            before = re.compile(self.language.before_text)
            for each in self.lexed.texts:
                head = self.lexed.code[max(0, each.start - BACK_MAX) : each.start]
                if before.search(head):
                    self._imported_by_text(each, head)
        if self.language.imports:
            for match in re.finditer(self.language.imports, self.lexed.code):
                package = next((each for each in match.groups() if each), "")
                service = self.catalogue.of_package(self.language.where, package)
                if service is not None:
                    self.imports.setdefault(service.id, self.lexed.line(match.start(match.lastindex or 0)))
                    self.locals.setdefault(service.id, set()).add(re.split(r"[.\\]", package)[-1])

        if self.language.where == "ruby":
            self._loaded_by_themselves()

    def _loaded_by_themselves(self) -> None:
        """Ruby's Bundler loads what the Gemfile names: a constant is enough, unless the file makes it itself."""
        own = set(re.findall(r"\b(?:module|class)[ \t]+([A-Z]\w+)", self.lexed.code))
        known = {
            package.replace("_", "").replace("-", ""): service
            for service in self.catalogue.services.values()
            for package in service.packages.get("ruby", ())
        }
        for match in re.finditer(r"(?<![\w:.])([A-Z]\w+)(?:::Client\.new\b|\.(?:chat|embed|paint)\b)", self.lexed.code):
            service = known.get(match[1].lower())
            if service is None or (service.role != "framework" and "::" not in match[0]):
                continue
            if match[1] not in own:
                self.imports.setdefault(service.id, self.lexed.line(match.start()))

    def _imported_by_text(self, text: Text, head: str) -> None:
        package = (
            text.value.removeprefix("npm:").removeprefix("package:") if self.language.where in ("npm", "dart") else text.value
        )
        if self.language.where == "npm":
            package = re.sub(r"(?<=[\w])@[\d^~][^/]*", "", package)
            package = re.sub(r"^https://(?:esm\.sh|cdn\.jsdelivr\.net/npm|cdn\.skypack\.dev|unpkg\.com)/", "", package)
        if self.language.where == "dart":
            package = package.partition("/")[0]
        service = self.catalogue.of_package(self.language.where, package)
        if service is None:
            return
        clause = _CLAUSE.search(re.sub(r"\s+", " ", head))
        self.told.add(text.start)
        if clause is not None and clause["type"]:
            return
        self.imports.setdefault(service.id, self.lexed.line(text.start))
        names = self.locals.setdefault(service.id, set())
        if clause is not None:
            for part in re.split(r"[{},]", clause["clause"] or clause["bound"] or ""):
                words = re.split(r"\s+as\s+|:", part.strip())
                if words[-1].strip() and not part.strip().startswith("type "):
                    names.add(words[-1].strip().removeprefix("* as ").strip())
        elif self.language.where == "go":
            alias = re.search(r"([\w.]+)\s+$", head.rpartition("\n")[2])
            last = [each for each in text.value.split("/") if not re.fullmatch(r"v\d+", each)][-1]
            own = last.removesuffix("-go").removesuffix("-sdk").removeprefix("go-")
            names.add(alias[1] if alias and alias[1] != "import" else own)

    def _uses(self, service: Service, line: int) -> None:
        """Report what makes clients of an imported service."""
        if service.role == "framework":
            return
        names = {each for each in self.locals.get(service.id, set()) if each}
        found = False
        for match in self._makers(service, names):
            if self._is_anothers(match, service):
                continue
            found = True
            self._client(match.start(), match.end() - 1, service)
        if not found:
            first = self._first_call(names) if self.language.where in ("npm", "go") else None
            if first is not None:
                self._client(first.start(), first.end() - 1, service)
            elif self.gateway_here:
                self.governed.append(service.id)
            else:
                self._report(line, service, f"imports {service.name}, and makes no client of its own here", "medium")

    def _is_anothers(self, match: re.Match[str], service: Service) -> bool:
        """Whether what makes a client is called as another imported service is, and not as this one."""
        said = re.sub(r"[^a-z0-9]", "", match[0].lower())
        names = (each for each in self.imports if each != service.id)
        return service.id.replace("-", "") not in said and any(each.replace("-", "") in said for each in names)

    def _makers(self, service: Service, names: set[str]) -> list[re.Match[str]]:
        code = self.lexed.code
        calls = "|".join(map(re.escape, service.calls)) or r"(?!)"
        if self.language.where == "npm":
            if not names:
                return list(re.finditer(rf"\bnew\s+(?:[\w$]+\.)*(?:{calls})\s*\(", code))
            bound = "|".join(map(re.escape, names))
            made = list(re.finditer(rf"\bnew\s+(?:{bound})(?:\.\w+)*\s*\(", code))
            return made or list(re.finditer(rf"(?<![\w$.])(?:(?:{bound})\.)?(?:{calls})\s*\(", code))
        if self.language.where == "go":
            bound = "|".join(map(re.escape, names)) or r"(?!)"
            return list(re.finditer(rf"(?<![\w.])(?:{bound})\.(?:{calls}|New\w*)\s*\(", code))
        if self.language.where == "ruby":
            return list(re.finditer(r"(?<!\w)[A-Z]\w+(?:::\w+)*::Client\.new(?:\b\s*\(?)", code))
        if self.language.where == "php":
            return list(
                re.finditer(
                    r"(?<![\w\\])\\?(?:OpenAI|Anthropic)\s*::\s*[a-z]\w*\s*\(|\bnew\s+\\?(?:[\w\\]+\\)?(?:OpenAi|BedrockRuntimeClient|Anthropic)\s*\(",
                    code,
                )
            )
        if self.language.where == "rust":
            crates = "|".join(map(re.escape, service.packages.get("rust", ()))) or r"(?!)"
            return [
                each
                for each in re.finditer(_RUST_MAKER, code)
                if re.match(rf"(?:{crates})::", each[0])
                or (not each["path"] and re.search(rf"\b(?:{crates})::[^;]{{0,2000}}(?:\b{each['kind']}\b|\*)", code))
            ]
        if self.language.where == "r":
            return list(re.finditer(r"\b(?:create_chat_completion|create_completion|create_embedding)\s*\(", code))
        if self.language.where in ("java", "csharp"):
            steps = "builder|fromEnv|create|Create|newBuilder"
            maker = rf"\bnew\s+(?:[\w.]+\.)?(?:{calls})\s*(?:<[^>]{{0,200}}>\s*)?\(|\b(?:{calls})\s*\.\s*(?:{steps})\s*\("
            # ``var x = Client(…)`` in Kotlin; ``Client x = new(…)`` in C#.
            bare = (
                rf"|(?<![\w.])(?:{calls})\s*\(" if self.language.where == "java" else rf"|\b(?:{calls})\??\s+\w+\s*=\s*new\s*\("
            )
            found = list(re.finditer(maker + bare, code))
            return [
                each
                for each in found
                if not re.search(r"\b(?:class|interface|fun)\s+$", code[max(0, each.start() - 20) : each.start()])
            ]
        return list(re.finditer(rf"(?<![\w.])(?:{calls})\s*\(", code))

    def _first_call(self, names: set[str]) -> re.Match[str] | None:
        bound = "|".join(map(re.escape, names))
        return re.search(rf"(?<![\w$.])(?:{bound})(?:\.[\w$]+)*\s*\(", self.lexed.code) if bound else None

    def _client(self, start: int, opening: int, service: Service) -> None:
        code = self.lexed.code
        package, service = service, self.catalogue.sold_by(service, (_WORD.findall(code[start:opening]) or [""])[-1])
        # A call without brackets, in Ruby, is given what follows.
        end = closing(code, opening) if code[opening : opening + 1] == "(" else opening
        # Builders say where they send calls after the brackets: what follows counts until the statement ends.
        if self.language.where not in ("npm",):
            end = self._statement_end(end)
        opening, end = self._options(opening, end)
        texts = self.lexed.within(opening, end)
        body = code[opening : end + 1]
        url, known = self._url(opening, end, body, texts)
        self.told.update(each.start for each in texts)
        words = body + " ".join(each.value for each in texts if not URL.match(each.value))
        line = self.lexed.line(start)
        if url is not None and self.around.is_gateway(url):
            self.governed.append(package.id)
            return
        if any(is_gateway_key(each.value) or each.value.lower().startswith("groundcrew-") for each in texts) or re.search(
            "(?i)groundcrew", words
        ):
            self.governed.append(package.id)
            return
        reached = self.language.where != "npm" and self.reach.reaches(start, opening, end)
        pointed = bool(set(service.url_names) & self.around.governed_names)
        if url is None and ((known and names_gateway(known)) or reached or (not known and pointed)):
            self.governed.append(package.id)
            return
        held = next((each for each in texts if is_key_value(each.value)), None)
        found = self.catalogue.of_url(url) if url else None
        if held is not None and re.search(r"(?i)key|token", body):
            key = held.value
            issuer = issuer_of(key, found[0] if found is not None else service, self.around)
            self.hits.append(
                Hit(
                    line=self.lexed.line(held.start),
                    kind="hardcoded_key",
                    service=issuer,
                    mask=key,
                    reason=f"a key of {issuer.name} is written out, ending in {key[-4:]}: revoke it, a file is no place for it",
                )
            )
        if url is not None and package.role == "sdk" and (found is None or found[0].id != package.id):
            target = found[0] if found else package
            where = f"to {target.name}" if found else "to an address that is not the gateway's"
            self.hits.append(
                Hit(
                    line=line,
                    kind="base_url_override",
                    service=target,
                    reason=f"a client of {package.name} sends its calls {where}",
                )
            )
            return
        hint = "; where it sends them can not be read here" if known and url is None else ""
        self._report(line, service, f"calls {service.name} without the gateway{hint}")

    def _statement_end(self, place: int) -> int:
        """Where the statement ends whose brackets close at `place`: at its mark, or where the next line does not go on."""
        code = self.lexed.code
        line = re.compile(rf"[^\n]{{0,{BACK_MAX}}}").match(code, place)
        block = line is not None and re.search(r"(?:\bdo(?:\s*\|[^|]*\|)?|\{)\s*$", line[0]) is not None
        stop = (_BLOCK_END if block else _STATEMENT_END).search(code, place, place + BACK_MAX * 4)
        return stop.start() if stop else min(len(code), place + BACK_MAX)

    def _options(self, opening: int, end: int) -> tuple[int, int]:
        """Where the options of a client stand: between its brackets, or where the one name in them is assigned."""
        name = re.fullmatch(r"\(\s*([A-Za-z_$][\w$]*)\s*\)?", self.lexed.code[opening : end + 1])
        if name is None or self.language.where != "npm":
            return opening, end
        kept = re.search(rf"(?<![\w$.]){re.escape(name[1])}\s*(?::[^=;{{]+)?=\s*\{{", self.lexed.code)
        return (kept.end() - 1, closing(self.lexed.code, kept.end() - 1)) if kept is not None else (opening, end)

    def _url(self, opening: int, end: int, body: str, texts: list[Text]) -> tuple[str | None, str]:
        """The address that a client is given where it can be read, and otherwise the words that it is given by."""
        for each in texts:
            if URL.match(each.value):
                return each.value, each.value
        match = _URL_ARGUMENT.search(body)
        if match is None:
            return None, ""
        words = re.match(r"[^,)}\n]*", body[match.end() :])
        expression = words[0].strip() if words else ""
        if not expression:
            near = [each for each in texts if each.start >= opening + match.start()]
            return (near[0].value, near[0].value) if near and URL.match(near[0].value) else (None, near[0].value if near else "")
        name = re.split(r"[^\w$]", expression.removeprefix("process.env."))[0] if expression else ""
        for each in texts:  # os.environ["X"], process.env["X"], ENV.fetch("X")
            if opening + match.end() <= each.start:
                expression += " " + each.value
        expression = f"{expression} {self._assigned_to(name)}"
        value = self._value_of(re.split(r"[^\w$.]", expression)[0].rpartition(".")[2] or name)
        return (value, value) if value is not None else (None, expression)

    def _assigned_to(self, name: str) -> str:
        """The words that a name is first assigned in this file: they say more than the name."""
        if name not in self._assigned:
            start = rf"(?<![\w$.]){re.escape(name)}\s*(?::\s*\w+\s*)?(?::=|=)(?!=)([^;\n]*)"
            match = re.search(start, self.lexed.code) if name else None
            told = self.lexed.within(match.start(1), match.end(1)) if match is not None else []
            self._assigned[name] = " ".join((match[1], *(each.value for each in told))) if match is not None else ""
        return self._assigned[name]

    def _value_of(self, name: str) -> str | None:
        """The address that a name is assigned in this file."""
        address = self._kept.get(name)
        if address is not None:
            self.told.add(address.start)
        return address.value if address is not None else None

    @cached_property
    def _stubs(self) -> bool:
        """Whether the file answers calls itself with Mock Service Worker, whose ``http.post`` calls nothing."""
        return any(each.value == "msw" and re.search(r"(?:\bfrom|\()\s*$", self._before(each)) for each in self.lexed.texts)

    def _before(self, text: Text) -> str:
        return self.lexed.code[max(0, text.start - BACK_MAX) : text.start]

    @cached_property
    def _kept(self) -> dict[str, Text]:
        """name → the address that it is assigned first."""
        kept: dict[str, Text] = {}
        for match in _KEPT.finditer(self.lexed.code):
            text = self.lexed.text_at(match.end())
            if text is not None and URL.match(text.value):
                kept.setdefault(match[1], text)
        return kept

    def _report(self, line: int, service: Service, reason: str, severity: str | None = None) -> None:
        kind: FindingKind = "cloud_sdk" if service.role == "cloud" else "sdk_constructor"
        if not any(each.line == line and each.kind == kind and each.service is service for each in self.hits):
            self.hits.append(Hit(line=line, kind=kind, service=service, reason=reason, severity="medium" if severity else None))

    def _frameworks(self) -> None:
        ungoverned = any(each.kind != "hardcoded_key" for each in self.hits)
        for name, line in self.imports.items():
            service = self.catalogue.services[name]
            if service.role != "framework":
                continue
            models = self._models(service)
            if models and all(models):
                continue
            if not models and not ungoverned and (self.governed or self.gateway_here):
                self.governed.append(name)
            else:
                self.hits.append(Hit(line=line, kind="framework", service=service, reason=f"uses {service.name}"))

    def _models(self, service: Service) -> list[bool]:
        """Whether each model that a framework makes here answers through the gateway."""
        bound = "|".join(re.escape(each) for each in self.locals.get(service.id, set()) if _MODEL_MAKER.fullmatch(each))
        found = []
        for match in re.finditer(rf"(?<![\w$.])(?:{bound})(?:\s*\.\s*builder)?\s*\(", self.lexed.code) if bound else ():
            hits, governed = len(self.hits), len(self.governed)
            self._client(match.start(), match.end() - 1, service)
            self.hits[hits:] = [each for each in self.hits[hits:] if each.kind == "hardcoded_key"]
            found.append(len(self.governed) > governed)
        return found

    def _addresses(self) -> None:
        taken = {each.line for each in self.hits if each.kind in ("raw_http", "base_url_override")}
        for each in self.lexed.texts:
            if each.start in self.told:
                continue
            service = self._addressed(each)
            if service is None:
                continue
            line = self._called_at(each)
            if line is not None and line not in taken:
                taken.add(line)
                self.hits.append(
                    Hit(line=line, kind="raw_http", service=service, reason=f"calls {service.name} over HTTP without the gateway")
                )

    def _addressed(self, text: Text) -> Service | None:
        if URL.match(text.value):
            found = self.catalogue.of_url(re.sub(r"\$?\{[^}]*\}", "x", text.value.strip()))
            return found[0] if found is not None and found[1] else None
        bare = re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,}", text.value)
        head = self.lexed.code[max(0, text.start - 60) : text.start]
        if bare and re.search(
            r"(?i)(?:\bhost(?:name)?\s*[:=]|Net::HTTP\.\w+\s*\(|SSLSocket\(|connect\s*\(|HTTPSConnection\()\s*$", head
        ):
            found = self.catalogue.of_host(text.value)
            return found[0] if found is not None and found[1] else None
        return None

    def _called_at(self, text: Text) -> int | None:
        code = self.lexed.code
        head = code[max(0, text.start - BACK_MAX) : text.start]
        statement = re.split(r";|\}\s*\n|\n\s*\n", head)[-1]
        line = self.lexed.line(text.start)
        if re.match(
            r"\s*(?:\)?\.(?:includes|startsWith|endsWith|equals|contains|indexOf)\b|===?|!==?)", code[text.end : text.end + 40]
        ):
            return None
        if _NO_CALL.search(statement) or _STUB.search(statement.rpartition("\n")[2]):
            return None
        if self._stubs and _STUB_BY_NAME.search(statement):
            return None
        listed = re.search(
            r"([\w$]+)\s*(?::\s*[^=\n;]*?)?(?:=|:=|:|=>)\s*(?:new\s+\w+(?:<\w*>)?\s*[({]*|[\w.]*(?:of|asList)\(|\[\]string|&|vec!)?\s*[\[{(][^\])}]*$",
            statement,
        )
        if listed and DENYING_NAME.search(listed[1]):
            return None
        assigned = _ASSIGNED.search(statement)
        if assigned is not None:
            name = assigned[1]
            if DENYING_NAME.search(name) or re.search(
                r"(?i)doc|help|homepage|referer|origin|description|message|comment|example$|license", name
            ):
                return None
            self.looked += 1
            if self.looked > AHEAD_TIMES_MAX:
                return line
            later = re.search(
                rf"(?<![\w.!])[\w.!]+\s*\(\s*(?:[^();\n]*[^\w.$;(])?{re.escape(name)}\b", code[text.end : text.end + AHEAD_MAX]
            )
            if later and not _NO_CALL.search(later[0].rpartition("(")[0]):
                return self.lexed.line(text.end + later.start())
        return line
