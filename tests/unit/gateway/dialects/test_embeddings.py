"""Embeddings: what is read of a request, what its answer must hold, and that vectors go on as they are."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.dialects import embeddings
from groundcrew.gateway.settings import GatewaySettings

SETTINGS = GatewaySettings(embedding_inputs_max=4, embedding_tokens_max=5)


def decode(**members: Any) -> embeddings.EmbeddingsRequest:
    return embeddings.decode(json.dumps(members).encode(), SETTINGS)


def refusal(body: bytes) -> str:
    with pytest.raises(RefusedCall) as caught:
        embeddings.decode(body, SETTINGS)
    assert caught.value.code == "invalid_request"
    return caught.value.message


def answer(*vectors: Any, **members: Any) -> bytes:
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    return json.dumps({"object": "list", "data": data, "model": "up", "usage": usage, **members}).encode()


@pytest.mark.parametrize(
    ("given_", "inputs", "texts"),
    [
        ("a", 1, ["a"]),
        (["a"], 1, ["a"]),
        (["a", "b"], 2, ["a", "b"]),
        ([1, 2, 3], 1, []),
        ([[1, 2], [3]], 2, []),
    ],
)
def test_inputs_of_every_kind(given_: Any, inputs: int, texts: list[str]) -> None:
    request = decode(input=given_, model="m", encoding_format="base64", dimensions=3, user="u")
    assert request.input == given_
    assert (request.inputs, embeddings.texts(request)) == (inputs, texts)
    assert (request.model, request.encoding_format, request.dimensions, request.user) == ("m", "base64", 3, "u")


def test_what_guards_do_not_read_is_told() -> None:
    assert not embeddings.hides_text(decode(input=["a"], model="m", encoding_format="float", dimensions=3, user=None))
    assert embeddings.hides_text(decode(input=[1]))
    assert embeddings.hides_text(decode(input="a", user="ann"))
    assert embeddings.hides_text(decode(input="a", input_type="query"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "input: is required"),
        (b'{"input": null}', "input: Expected"),
        (b'{"input": ""}', "input: must not be empty"),
        (b'{"input": []}', "input: must not be empty"),
        (b'{"input": 3}', "input: Expected"),
        (b'{"input": [true]}', "input[0]: Expected"),
        (b'{"input": [1.5]}', "input[0]: Expected"),
        (b'{"input": [-1]}', "input[0]: Expected"),
        (b'{"input": ["a", 1]}', "input: use texts, token ids or lists"),
        (b'{"input": [[1], "a"]}', "input: use texts, token ids or lists"),
        (b'{"input": [[]]}', "input[0]: use between 1 and 5 token ids"),
        (b'{"input": [[1], [1,2,3,4,5,6]]}', "input[1]: use between 1 and 5 token ids"),
        (b'{"input": [1,2,3,4,5,6]}', "input: use between 1 and 5 token ids"),
        (b'{"input": ["a","b","c","d","e"]}', "input: more than 4; send them in several requests"),
        (b'{"input": "a", "encoding_format": "int8"}', "encoding_format: "),
        (b'{"input": "a", "dimensions": 0}', "dimensions: Expected"),
        (b'{"input": "a", "model": 3}', "model: Expected"),
        (b"[]", "the body is not an embeddings request"),
        (b"no json", "the body is not valid JSON"),
        (b'{"input": "\xff"}', "the body is not UTF-8"),
        (b'{"input": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "the body holds more than"),
    ],
)
def test_what_is_malformed_is_refused_with_its_field(body: bytes, message: str) -> None:
    assert refusal(body).startswith(message)


def test_the_targets_body_keeps_what_the_client_sent() -> None:
    request = decode(input=["a", "b"], model="alias", input_type="query")
    assert json.loads(embeddings.body_for(request.fields, "up")) == {"input": ["a", "b"], "model": "up", "input_type": "query"}
    masked = embeddings.body_for(request.fields, "up", ["x", "y"])
    assert json.loads(masked) == {"input": ["x", "y"], "model": "up", "input_type": "query"}
    assert json.loads(embeddings.body_for(decode(input="a").fields, "up", ["x"])) == {"input": "x", "model": "up"}
    assert json.loads(embeddings.body_for(decode(input=[1, 2]).fields, "up")) == {"input": [1, 2], "model": "up"}


def test_a_member_that_stands_twice_is_sent_as_it_was_read() -> None:
    request = embeddings.decode(b'{"input": "first", "input": "second"}', SETTINGS)
    assert embeddings.texts(request) == ["second"]
    assert json.loads(embeddings.body_for(request.fields, "up"))["input"] == "second"
    assert b"first" not in embeddings.body_for(request.fields, "up")


def test_an_answer_goes_on_with_our_alias_and_report() -> None:
    fields, tokens = embeddings.read_answer(answer([0.1, -2e-05], "AAAAAA==", beside={"a": 1}), "p", inputs=2)
    assert tokens == 3
    written = json.loads(embeddings.write_answer(fields, "alias", {"call_id": "c"}))
    assert written == {
        **json.loads(answer([0.1, -2e-05], "AAAAAA==", beside={"a": 1})),
        "model": "alias",
        "groundcrew": {"call_id": "c"},
    }
    CreateEmbeddingResponse.model_validate({**written, "data": written["data"][:1]})


@pytest.mark.parametrize("encoding_format", ["float", None])
def test_the_official_client_reads_it(encoding_format: Any) -> None:
    vector: Any = [0.5, -1.0] if encoding_format else "AAAAPwAAgL8="  # the client asks for base64 by default

    def serve(request: httpx2.Request) -> httpx2.Response:
        asked = embeddings.decode(request.read(), SETTINGS)
        fields, _ = embeddings.read_answer(answer(*[vector] * asked.inputs), "p", inputs=asked.inputs)
        return httpx2.Response(
            200, content=embeddings.write_answer(fields, "alias", {}), headers={"content-type": "application/json"}
        )

    http = httpx2.Client(transport=httpx2.MockTransport(serve))
    client = openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0)
    more = {"encoding_format": encoding_format} if encoding_format else {}
    found = client.embeddings.create(model="m", input=["a", "b"], **more)
    assert [each.embedding for each in found.data] == [[0.5, -1.0], [0.5, -1.0]]
    assert (found.model, found.usage.prompt_tokens) == ("alias", 3)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1}, {"prompt_tokens": "3"}, 3])
def test_token_counts_that_make_no_sense_are_unknown(usage: Any) -> None:
    assert embeddings.read_answer(answer([1.0], usage=usage), "p", inputs=1)[1] is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"no json",
        b'{"error": {"message": "m"}}',
        b'{"data": null}',
        b'{"data": [{"embedding": [1]}]}',
        b"\xff",
        answer(),
        answer([1.0], [1.0]),
        answer([]),
        answer(None),
        answer("no base64!"),
        answer(["a"]),
        answer([[1.0]]),
        answer({"a": 1}),
        b'{"data": [{"index": 1, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": [--1]}]}',
        b'{"data": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_list_of_embeddings_is_the_upstreams_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        embeddings.read_answer(body, "p", inputs=1)


def test_answers_may_come_in_any_order_but_each_once() -> None:
    swapped = json.loads(answer([1.0], [2.0]))
    swapped["data"].reverse()
    assert embeddings.read_answer(json.dumps(swapped).encode(), "p", inputs=2)[1] == 3
    swapped["data"][0]["index"] = 0
    with pytest.raises(UpstreamError):
        embeddings.read_answer(json.dumps(swapped).encode(), "p", inputs=2)


# Properties

TEXTS = st.text(min_size=1, max_size=10)


@given(TEXTS | st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_texts_survive_and_masks_take_their_places(given_: Any, data: st.DataObject) -> None:
    request = decode(input=given_)
    seen = embeddings.texts(request)
    assert json.loads(embeddings.body_for(request.fields, "up", seen))["input"] == given_
    masked = [data.draw(TEXTS) for _ in seen]
    expected = masked[0] if isinstance(given_, str) else masked
    assert json.loads(embeddings.body_for(request.fields, "up", masked))["input"] == expected


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
NAMES = st.sampled_from(["input", "model", "data", "index", "embedding", "usage", "prompt_tokens", "dimensions"])
NEAR = st.recursive(LEAVES, lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=4), max_leaves=10)


@settings(max_examples=60)
@given(st.binary(max_size=20) | st.dictionaries(NAMES, NEAR, max_size=4).map(lambda body: json.dumps(body).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(RefusedCall):
        request = embeddings.decode(body, SETTINGS)
        embeddings.body_for(request.fields, "m", embeddings.texts(request) or None)
    with contextlib.suppress(UpstreamError):
        embeddings.write_answer(embeddings.read_answer(body, "p", inputs=1)[0], "m", {})
