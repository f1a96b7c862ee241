"""The shape of the source, kept by reading it: who may import whom, how long things get, and what the command line loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "groundcrew"

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

#: ARCHITECTURE.md's table:
#: errors, settings ← domain ← stats ← metrics, grounding ← guards ← store ← services ← jobs, web, cli ← app.
BASE = {"errors", "settings"}
RULES = BASE | {"domain", "stats"}
JUDGES = {"metrics", "guards", "grounding"}
#: part → the parts that it may import besides itself.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "domain": BASE,
    "stats": BASE | {"domain"},
    "metrics": RULES,
    # The topic guard compares texts with the encoder that retrieval has loaded anyway.
    "guards": RULES | {"grounding"},
    "grounding": RULES,
    "code_systems": BASE | {"domain"},
    # At work in the gateway, so nothing that trains.
    "tuned": RULES | {"grounding", "code_systems"},
    "curation": RULES | JUDGES | {"code_systems"},
    "tuning": RULES | JUDGES | {"code_systems", "curation", "tuned"},
    # Looks at files; no registry is needed for that. Keys of known shapes are told as the guard for secrets tells them.
    "scanning": BASE | {"domain", "guards"},
    "store": RULES | JUDGES,
    "services": RULES | JUDGES | {"store", "curation", "code_systems", "tuned", "tuning"},
    "jobs": RULES | JUDGES | {"store", "services"},
    "web": RULES | JUDGES | {"services"},
    # The demo plays a provider that invents things with the public fake.
    "cli": RULES | JUDGES | {"curation", "code_systems", "tuned", "tuning", "scanning", "services", "client", "testing"},
    # The data plane: no database on the hot path.
    "gateway": BASE | {"domain", "guards", "grounding", "tuned"},
    # The composition root, and what it puts together elsewhere: logs, a socket, and a gateway where none serves.
    "app": RULES
    | JUDGES
    | {"store", "services", "jobs", "web", "cli", "gateway", "scanning", "logs", "serving", "trial_point"}
    | {"curation", "code_systems", "tuned", "tuning"},
    "logs": set(),
    "serving": {"errors", "gateway"},
    "trial_point": RULES | {"services", "jobs", "gateway"},
    "client": {"errors"},
    "__main__": {"app"},
    "testing": RULES | JUDGES | {"store", "services", "jobs", "web", "gateway", "app", "client"},
}

#: library → the modules (or packages, with a trailing dot) that alone may import it.
OWNERS: dict[str, tuple[str, ...]] = {
    "sqlalchemy": ("store.",),
    "alembic": ("store.",),
    "httptools": ("gateway.http_connection",),
    "botocore": ("gateway.providers.aws",),
    "sqlite3": ("gateway.spool", "gateway.spool_file", "store.glances"),
    "opentelemetry": ("gateway.telemetry.export",),
    "litestar": ("web.", "app"),
    "click": ("cli.",),
}

#: What `groundcrew --help` must not load; each takes longer than the help.
HEAVY = (
    *("onnxruntime", "tokenizers", "tantivy", "usearch", "numpy", "scipy", "statsmodels", "pandas", "pyarrow", "daft"),
    *("sqlalchemy", "alembic", "litestar", "aiohttp", "uvicorn", "openai", "pydantic", "pypdf", "docx", "cedarpy", "botocore"),
    "opentelemetry",
)

MODULES = sorted(SOURCE.rglob("*.py"))


def dotted(path: Path) -> str:
    """`gateway/upstream.py` → `gateway.upstream`; a package's `__init__` is the package with a trailing dot."""
    parts = list(path.relative_to(SOURCE).with_suffix("").parts)
    if parts[-1] == "__init__":
        return ".".join([*parts[:-1], ""])
    return ".".join(parts)


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported module with its line, inside functions too; what only a type checker reads does not count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from (found for each in node.orelse for found in imports(each))
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; spell the module out"
            module = node.module or ""
            # `from groundcrew import store` imports the part `store` as well.
            parts = [f"groundcrew.{alias.name}" for alias in node.names if alias.name != "__version__"]
            names = parts if module == "groundcrew" else [module]
            yield from ((name, node.lineno) for name in names)
        else:
            yield from imports(node)


def part_of(module: str) -> str:
    return module.partition(".")[0]


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Every module by its dotted name. One test looks at all of them: one for each would take longer to set up than to run."""
    return {dotted(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path)) for path in MODULES}


def test_imports_follow_the_dependency_direction(trees: dict[str, ast.Module]) -> None:
    parts = {part_of(here) for here in trees} - {""}
    assert parts <= set(ALLOWED), f"{parts - set(ALLOWED)} is new: give it its place in ALLOWED and in ARCHITECTURE.md"
    wrong = [
        f"{here}, line {line}: imports {name}"
        for here, tree in trees.items()
        for name, line in imports(tree)
        if name.startswith("groundcrew.") and (target := part_of(name.removeprefix("groundcrew."))) != part_of(here)
        # The package's own __init__ holds the version and nothing else.
        if target not in ALLOWED.get(part_of(here), set())
    ]
    assert not wrong, "\n".join(wrong)


def test_libraries_stay_with_their_owners(trees: dict[str, ast.Module]) -> None:
    wrong = [
        f"{here}, line {line}: imports {name}; only {', '.join(owners)} may"
        for here, tree in trees.items()
        for name, line in imports(tree)
        if (owners := OWNERS.get(part_of(name))) is not None
        if not any(here == owner or (owner.endswith(".") and here.startswith(owner)) for owner in owners)
    ]
    assert not wrong, "\n".join(wrong)


def test_modules_keep_their_size() -> None:
    lines = {dotted(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert not {here: n for here, n in lines.items() if n > MODULE_LINES_MAX}


def test_functions_keep_their_size(trees: dict[str, ast.Module]) -> None:
    wrong = [
        f"{here}, line {node.lineno}: {node.name} has {lines} lines; keep below {FUNCTION_LINES_MAX}"
        for here, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) >= FUNCTION_LINES_MAX
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_owns(trees: dict[str, ast.Module]) -> None:
    assert not [here for here, tree in trees.items() if tree.body and not ast.get_docstring(tree)]


def test_no_module_is_named_for_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc"}
    assert not [dotted(each) for each in MODULES if each.stem in vague or each.parent.name in vague]


def test_median_module_is_small() -> None:
    lines = sorted(path.read_text(encoding="utf-8").count("\n") for path in MODULES if path.name != "__init__.py")
    assert lines[len(lines) // 2] <= 170


def test_help_loads_no_heavy_library() -> None:
    program = (
        "import json, sys\n"
        "from groundcrew.app import main\n"
        "status = main(['--help'])\n"
        "print('\\n' + json.dumps([status, sorted({name.partition('.')[0] for name in sys.modules})]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    status, loaded = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    assert "Commands" in done.stdout
    assert not set(HEAVY) & set(loaded)
