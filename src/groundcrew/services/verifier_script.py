"""The offline verifier as one file that an auditor can read and run without groundcrew: its modules, one below the other."""

from __future__ import annotations

import ast
from importlib import resources

#: In the order in which they need each other.
MODULES = ("ed25519", "offline_signatures", "offline_verifier")


def verifier_script() -> str:
    """The text of ``verify_audit.py``. It needs Python 3.9 or newer and nothing else; where the `cryptography` package is there,
    signatures are checked by it."""
    texts = [resources.files("groundcrew.services").joinpath(f"{name}.py").read_text(encoding="utf-8") for name in MODULES]
    head = ast.get_docstring(ast.parse(texts[-1]), clean=False)
    parts = [f'#!/usr/bin/env python3\n"""{head}"""\n', "from __future__ import annotations\n"]
    parts += [_body(name, text) for name, text in zip(MODULES, texts, strict=True)]
    return "\n".join(parts)


def _body(name: str, text: str) -> str:
    """A module without its docstring, its future and what it imports from the others."""
    tree, lines = ast.parse(text), text.splitlines()
    left_out: set[int] = set()
    for position, node in enumerate(tree.body):
        is_docstring = position == 0 and isinstance(node, ast.Expr)
        if is_docstring or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("__future__", "groundcrew"))):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    kept = "\n".join(line for number, line in enumerate(lines, start=1) if number not in left_out).strip()
    return f"\n# {name.replace('_', ' ')}\n\n{kept}\n"
