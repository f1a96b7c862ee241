"""Scanning code, cause by cause: each case is one way in which a use was missed, or something else was taken for one."""

from __future__ import annotations

import json
import random
import string
import time
from datetime import date
from pathlib import Path

import pytest

from groundcrew.domain.inventory import ScanFinding
from groundcrew.scanning.catalogue import load
from groundcrew.scanning.code import scan_code

_CHANCE = random.Random(11)
_LETTERS = string.ascii_letters + string.digits
OPENROUTER = "sk-or-v1-" + "".join(_CHANCE.choice("0123456789abcdef") for _ in range(64))
SHARED_SHAPE = "sk-" + "".join(_CHANCE.choice("0123456789abcdef") for _ in range(32))
LETTERS_ONLY = "hf_" + "".join(_CHANCE.choice(string.ascii_letters) for _ in range(34))
MISTRAL = "".join(_CHANCE.choice(_LETTERS) for _ in range(32))
ANTHROPIC = "sk-ant-api03-" + "".join(_CHANCE.choice(_LETTERS) for _ in range(90))

#: What it shows, file, text, and (line, kind, service) of what is to be found.
CASES: tuple[tuple[str, str, str, tuple[tuple[int, str, str], ...]], ...] = (
    (
        "a module that is imported within an expression",
        "a.py",
        '__import__("openai").OpenAI()\n',
        ((1, "sdk_constructor", "openai"),),
    ),
    (
        "two clients on one line",
        "a.py",
        "from openai import OpenAI\nfrom anthropic import Anthropic\npair = OpenAI(), Anthropic()\n",
        ((3, "sdk_constructor", "anthropic"), (3, "sdk_constructor", "openai")),
    ),
    (
        "modules that are loaded by names from a table",
        "a.py",
        "from importlib import import_module\n\nNAMES = {'a': ('openai', 'OpenAI'), 'b': ('json', 'loads')}\n\n\n"
        "def make(name):\n    module, kind = NAMES[name]\n    return getattr(import_module(module), kind)()\n",
        ((8, "sdk_constructor", "openai"),),
    ),
    (
        "looking whether a package is there",
        "a.py",
        "import importlib.util\n\nHAS = {name: importlib.util.find_spec(name) for name in ('openai', 'anthropic')}\n",
        (),
    ),
    (
        "a framework whose model goes to the gateway, beside its other parts",
        "a.py",
        "from langchain_core.prompts import ChatPromptTemplate\nfrom langchain_openai import ChatOpenAI\n\n"
        "from .settings import LLM_GATEWAY_URL\n\nprompt = ChatPromptTemplate.from_template('{q}')\n"
        "chain = prompt | ChatOpenAI(base_url=LLM_GATEWAY_URL)\n",
        (),
    ),
    (
        "a framework of which one model goes to the gateway and another does not",
        "a.py",
        "from langchain_openai import ChatOpenAI\nfrom langchain_anthropic import ChatAnthropic\n\n"
        "a = ChatOpenAI(base_url='http://localhost:8400/v1')\nb = ChatAnthropic()\n",
        ((1, "framework", "langchain"),),
    ),
    (
        "a framework's model whose provider the module points at the gateway",
        "a.py",
        "import os\nfrom langchain_openai import ChatOpenAI\n\nos.environ['OPENAI_BASE_URL'] = 'http://localhost:8400/v1'\n"
        "model = ChatOpenAI()\n",
        (),
    ),
    (
        "a key of another issuer than the client's",
        "a.py",
        f"from openai import OpenAI\nOpenAI(base_url='https://openrouter.ai/api/v1', api_key='{OPENROUTER}')\n",
        ((2, "base_url_override", "openrouter"), (2, "hardcoded_key", "openrouter")),
    ),
    (
        "a wrapper that is dropped in for a provider's package",
        "a.py",
        "from langfuse.openai import OpenAI\n\nclient = OpenAI()\n",
        ((3, "sdk_constructor", "openai"),),
    ),
    (
        "another gateway",
        "a.py",
        "from portkey_ai import Portkey\n\nclient = Portkey()\n",
        ((3, "sdk_constructor", "portkey"),),
    ),
    (
        "a shape of several issuers, told by the name",
        "x.env",
        f"DEEPSEEK_API_KEY={SHARED_SHAPE}\n",
        ((1, "hardcoded_key", "deepseek"),),
    ),
    ("a shape of several issuers, without a name", "note.md", f"key {SHARED_SHAPE}\n", ((1, "hardcoded_key", "openai"),)),
    ("a key without digits", "x.env", f"HF_TOKEN={LETTERS_ONLY}\n", ((1, "hardcoded_key", "huggingface"),)),
    ("a name in camel case is no key without digits", "a.py", 'model = "hf_InternalTestingTinyRandomBertModelOfOurs"\n', ()),
    (
        "a key in an annotated and wrapped setting",
        "a.py",
        f'class Settings:\n    mistral_api_key: SecretStr = SecretStr("{MISTRAL}")\n',
        ((2, "hardcoded_key", "mistral"),),
    ),
    (
        "a client beside one of the gateway, in Go",
        "main.go",
        'package main\n\nimport gpt "github.com/sashabaranov/go-openai"\n\nfunc a(k string) *gpt.Client {\n'
        "\treturn gpt.NewClient(k)\n}\n\n"
        'func b(k string) *gpt.Client {\n\tc := gpt.DefaultConfig(k)\n\tc.BaseURL = "http://groundcrew:8400/v1"\n'
        "\treturn gpt.NewClientWithConfig(c)\n}\n",
        ((6, "sdk_constructor", "openai"),),
    ),
    (
        "an address from the environment, kept under a short name",
        "main.go",
        'package main\n\nimport (\n\t"os"\n\n\t"github.com/openai/openai-go"\n\t"github.com/openai/openai-go/option"\n)\n\n'
        'func a() openai.Client {\n\tbase := os.Getenv("LLM_GATEWAY_URL")\n'
        "\treturn openai.NewClient(option.WithBaseURL(base))\n}\n",
        (),
    ),
    (
        "a statement that ends with its line, in Ruby",
        "a.rb",
        'require "anthropic"\nclass Ask\n  def initialize\n    @a = Anthropic::Client.new(api_key: ENV["K"])\n'
        '    @b = OpenAI::Client.new(uri_base: "http://localhost:8400/")\n  end\nend\n',
        ((4, "sdk_constructor", "anthropic"),),
    ),
    (
        "a gem that Bundler loads",
        "a.rb",
        "class Mail\n  def ask = OpenAI::Client.new(access_token: ENV['K'])\nend\n",
        ((2, "sdk_constructor", "openai"),),
    ),
    (
        "a call without brackets, in Ruby",
        "a.rb",
        'URL = "http://localhost:8400/v1"\na = OpenAI::Client.new\nb = OpenAI::Client.new uri_base: URL\n',
        ((2, "sdk_constructor", "openai"),),
    ),
    ("a module of one's own in Ruby", "a.rb", "module OpenAI\n  class Client; end\nend\nOpenAI::Client.new\n", ()),
    (
        "a constructor whose type stands on the left, in C#",
        "A.cs",
        'using OpenAI.Chat;\nclass A\n{\n    ChatClient chat = new(model: "gpt-4o", apiKey: "k");\n}\n',
        ((4, "sdk_constructor", "openai"),),
    ),
    (
        "a class from the root of names, and a facade, in PHP",
        "a.php",
        "<?php\nnamespace A;\n$a = \\OpenAI::client($key);\n",
        ((3, "sdk_constructor", "openai"),),
    ),
    (
        "a facade, in PHP",
        "a.php",
        "<?php\nuse OpenAI\\Laravel\\Facades\\OpenAI;\n\nfunction a() { return OpenAI::chat()->create([]); }\n",
        ((4, "sdk_constructor", "openai"),),
    ),
    (
        "a client of HTTP beside one of a service, in Rust",
        "a.rs",
        "use async_openai::{config::OpenAIConfig, Client};\nfn a() {\n    let http = reqwest::Client::new();\n"
        '    let config = OpenAIConfig::new().with_api_base("http://localhost:8400/v1");\n'
        "    let client = Client::with_config(config);\n}\n",
        (),
    ),
    (
        "the line of the key and not of its client",
        "a.ts",
        f"import Anthropic from '@anthropic-ai/sdk';\nnew Anthropic({{\n  timeout: 3,\n  apiKey: '{ANTHROPIC}',\n}});\n",
        ((2, "sdk_constructor", "anthropic"), (4, "hardcoded_key", "anthropic")),
    ),
    (
        "models of a framework, one by one, in JavaScript",
        "a.ts",
        "import { createAnthropic } from '@ai-sdk/anthropic';\nimport { createOpenAI } from '@ai-sdk/openai';\n"
        "const a = createOpenAI({ baseURL: 'http://localhost:8400/v1' });\n"
        "const b = createAnthropic({ apiKey: process.env.K });\n",
        ((1, "framework", "vercel-ai"),),
    ),
    (
        "a framework's model that goes to the gateway, in JavaScript",
        "a.ts",
        "import { createOpenAI } from '@ai-sdk/openai';\nimport { generateText } from 'ai';\n"
        "const a = createOpenAI({ baseURL: import.meta.env.VITE_LLM_GATEWAY_URL });\ngenerateText({ model: a('x') });\n",
        (),
    ),
    (
        "a framework's model that goes to the gateway, in Java",
        "A.java",
        "import dev.langchain4j.model.openai.OpenAiChatModel;\nclass A {\n"
        '  Object a() { return OpenAiChatModel.builder().baseUrl("http://groundcrew:8400/v1").build(); }\n}\n',
        (),
    ),
    (
        "a key that a whole module is given",
        "a.py",
        f'import openai\nopenai.api_key = "{MISTRAL}"\nopenai.chat.completions.create()\n',
        ((2, "hardcoded_key", "openai"), (3, "sdk_constructor", "openai")),
    ),
    (
        "an address that a text is compared with, in Go",
        "a.go",
        'package a\n\nfunc a(u string) bool { return strings.HasPrefix(u, "https://api.openai.com") }\n',
        (),
    ),
    ("a framework that Bundler loads", "a.rb", "CHAT = RubyLLM.chat\n", ((1, "framework", "ruby-llm"),)),
    (
        "a catalogue of services",
        "own.yaml",
        "version: 1\nservices:\n- {id: a, name: A, role: sdk, api: [generativelanguage.googleapis.com]}\n",
        (),
    ),
    (
        "a package that an image installs",
        "app.Dockerfile",
        "FROM python:3.12\nRUN apt-get update && \\\n    pip install --no-cache-dir 'anthropic>=0.4' fastapi\n"
        'RUN echo "pip install openai"\n',
        ((2, "sdk_constructor", "anthropic"),),
    ),
    ("a package whose name only begins alike", "setup.sh", "pip install openai-pinned-wheels ./openai\nnpm ci openai\n", ()),
    (
        "a package that a notebook installs",
        "a.ipynb",
        json.dumps({"cells": [{"cell_type": "code", "source": ["!pip install groq\n", "import json"]}]}, indent=1),
        ((6, "sdk_constructor", "groq"),),
    ),
    (
        "a resource after a policy that denies",
        "a.tf",
        'resource "aws_iam_role_policy" "no" {\n  policy = jsonencode({ Effect = "Deny", Action = ["bedrock:*"] })\n}\n\n'
        'resource "google_vertex_ai_endpoint" "x" {\n}\n',
        ((5, "infrastructure", "google-vertex"),),
    ),
    (
        "a container that is given a key, beside the gateway's",
        "compose.yml",
        "services:\n  groundcrew:\n    image: x/groundcrew:1\n    environment:\n      - ANTHROPIC_API_KEY=${A}\n"
        "  portal:\n    image: x/portal:1\n    environment:\n      - ANTHROPIC_API_KEY=${A}\n      - COHERE_API_KEY=\n"
        "      - OPENAI_API_KEY=${APP}\n      - OPENAI_BASE_URL=http://groundcrew:8400/v1\n",
        ((9, "infrastructure", "anthropic"),),
    ),
    (
        "a pattern of addresses in Terraform, which begins no remark",
        "iam.tf",
        'data "aws_iam_policy_document" "reader" {\n  statement {\n    actions   = ["s3:GetObject"]\n'
        '    resources = ["arn:aws:s3:::reports/*"]\n  }\n  statement {\n    actions   = ["bedrock:InvokeModel"]\n  }\n}\n'
        '/*\ndata "aws_bedrock_foundation_model" "old" {}\n*/\n',
        ((7, "infrastructure", "amazon-bedrock"),),
    ),
    (
        "a remark that never ends, which is none",
        "user_data.tf",
        'locals { clean = <<EOT\nrm -rf /*\nEOT\n}\nresource "aws_bedrock_guardrail" "g" {}\n',
        ((5, "infrastructure", "amazon-bedrock"),),
    ),
    (
        "a client for Azure's models of OpenAI's package, beside the scope of its tokens",
        "a.py",
        "import os\nfrom azure.identity import DefaultAzureCredential, get_bearer_token_provider\n"
        "from openai import AsyncAzureOpenAI\n\n"
        'tokens = get_bearer_token_provider(DefaultAzureCredential(), "https://cognitiveservices.azure.com/.default")\n'
        'client = AsyncAzureOpenAI(azure_endpoint=os.environ["ENDPOINT"], azure_ad_token_provider=tokens)\n',
        ((6, "cloud_sdk", "azure-openai"),),
    ),
    (
        "a client for Azure's models in TypeScript",
        "a.ts",
        "import { AzureOpenAI } from 'openai';\nconst scope = 'https://cognitiveservices.azure.com/.default';\n"
        "const tokens = getBearerTokenProvider(credential, scope);\n"
        "export const client = new AzureOpenAI({ endpoint: process.env.ENDPOINT, azureADTokenProvider: tokens });\n",
        ((4, "cloud_sdk", "azure-openai"),),
    ),
    (
        "OpenAI's address set to the gateway, which a client for Azure does not read",
        "a.py",
        "import os\nfrom openai import AzureOpenAI, OpenAI\n\nos.environ['OPENAI_BASE_URL'] = 'http://localhost:8400/v1'\n"
        "one, two = OpenAI(), AzureOpenAI(api_version='2024-10-21')\n",
        ((5, "cloud_sdk", "azure-openai"),),
    ),
    (
        "a client for Azure's models whose endpoint is the gateway",
        "a.py",
        "from openai import AzureOpenAI\n\nclient = AzureOpenAI(azure_endpoint='http://localhost:8400', api_version='1')\n",
        (),
    ),
    (
        "calls that Mock Service Worker and a browser's test answer",
        "handlers.ts",
        "import { http, HttpResponse } from 'msw';\n\nexport const handlers = [\n"
        "  http.post('https://api.openai.com/v1/chat/completions', () => HttpResponse.json({})),\n"
        "  http.get<Params>('https://api.anthropic.com/v1/models', () => HttpResponse.json({})),\n];\n\n"
        "await page.route('https://api.mistral.ai/v1/models', (route) => route.fulfill({}));\n"
        "fetchMock.post('https://api.cohere.com/v2/chat', {});\n",
        (),
    ),
    (
        "calls by a client that has the name of Mock Service Worker's",
        "calls.ts",
        "import { http } from './http';\n\nawait http.post('https://api.openai.com/v1/chat/completions', {});\n",
        ((3, "raw_http", "openai"),),
    ),
    (
        "a container on Kubernetes that is given a key",
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: portal\n    image: x/portal\n    env:\n"
        "    - name: MISTRAL_API_KEY\n"
        "      valueFrom: {secretKeyRef: {name: llm, key: m}}\n    - name: COHERE_API_KEY\n      value: ''\n"
        "    - name: GROQ_API_KEY\n      valueFrom: {secretKeyRef: {name: groundcrew-key, key: k}}\n",
        ((8, "infrastructure", "mistral"),),
    ),
)


def _found(findings: tuple[ScanFinding, ...]) -> tuple[tuple[int | None, str, str], ...]:
    return tuple(sorted((each.line, each.kind, each.service) for each in findings))


@pytest.mark.parametrize(("path", "text", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_cause(path: str, text: str, expected: tuple[tuple[int, str, str], ...], tmp_path: Path) -> None:
    (tmp_path / path).write_text(text)
    report = scan_code(tmp_path, load(), today=date(2026, 11, 27)).report
    assert _found(report.findings) == expected


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("a.go", 'x := f("http://localhost:8400/v1") {\n'),
        ("a.java", "a(b) { c = d; } "),
        ("a.cs", "new("),
        ("a.sh", "pip install openai "),
        ("compose.yml", "    - OPENAI_API_KEY\n"),
        ("a.rb", "OpenAI::Client.new do |f| "),
    ],
)
def test_time_stays_bounded_where_statements_do_not_end(name: str, piece: str, tmp_path: Path) -> None:
    head = 'import "github.com/openai/openai-go" // services: openai\nurl = "http://localhost:8400/v1"\n'
    head += "import com.openai.client.A;\n"
    (tmp_path / name).write_text(head + piece * (200_000 // len(piece)))
    started = time.process_time()
    scan_code(tmp_path, load(), today=date(2026, 11, 27))
    assert time.process_time() - started < 10
