"""Every limit of the data plane, named, with its default: nothing in the gateway waits, grows or repeats without a bound."""

from __future__ import annotations

import msgspec


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one gateway process. Bytes count UTF-8; times are seconds unless the name says otherwise."""

    #: A request's body and the sum of its header names and values.
    body_bytes_max: int = 4 * 1024 * 1024
    header_bytes_max: int = 32 * 1024
    json_depth_max: int = 64
    json_containers_max: int = 100_000
    messages_max: int = 2_000
    #: Inputs of one embeddings request, and token ids of one input.
    embedding_inputs_max: int = 2_048
    embedding_tokens_max: int = 100_000
    body_read_s_max: float = 30.0
    #: Length of `groundcrew-case-id`, `groundcrew-unit-id` and `groundcrew-user-id`.
    identifier_length_max: int = 200
    #: Calls that one process serves at a time; the next one is told to come back (429 rate_limited).
    inflight_max: int = 1_024
    #: What an upstream may send: the whole answer, and one event of a stream.
    response_bytes_max: int = 16 * 1024 * 1024
    chunk_bytes_max: int = 1024 * 1024
    stream_s_max: float = 600.0
    chunk_gap_s_max: float = 60.0
    connect_s_max: float = 10.0
    connections_max: int = 512
    #: Targets of an alias that one call tries, the first included.
    targets_max: int = 4
    #: All tries of one call before its first byte together: every target, every retry and the pauses between them.
    upstream_s_max: float = 600.0
    #: Pause before a retry: random between 0 and the base doubled with every retry, up to the maximum.
    retry_base_s: float = 0.1
    retry_pause_s_max: float = 2.0
    #: Longest wait that a provider may ask for (retry-after); one that asks for more is not tried again by this call.
    retry_after_s_max: float = 5.0
    #: Shadow copies that run at a time in one process, and how long one may take with its checks; beyond it they are dropped.
    shadows_max: int = 16
    shadow_s_max: float = 120.0
    #: Past this age of the snapshot, use cases that fail closed are refused (stale_policy).
    snapshot_age_s_max: float = 60.0
    #: Whether all use cases are, not only those that fail closed.
    stale_refuses_all: bool = False
    #: How long calls are held after a pause of the process until a fresh snapshot is enforced; past it they are refused.
    resume_s_max: float = 10.0
    #: How often a running gateway with calls in flight looks for a tripped kill switch.
    stop_poll_s: float = 0.05
    #: Tokens reserved for an answer where the request names no maximum, and bytes of a prompt per reserved token.
    output_tokens_default: int = 1_024
    prompt_bytes_per_token: int = 3
    #: Retrieval, trust and composition for one call, each.
    grounding_s_max: float = 20.0
    #: Passages that an answer is checked against and composed from, and how many of them a generating model is shown.
    passages_max: int = 12
    prompt_passages_max: int = 6
    #: Bytes that one passage adds to a prompt, for the budget's reservation.
    passage_bytes_estimate: int = 1_200
    #: How long a client may leave what is sent to it untaken, and how long an error may take to leave.
    send_s_max: float = 30.0
    #: How long `close` waits for calls in flight before it cancels them.
    drain_s_max: float = 10.0
