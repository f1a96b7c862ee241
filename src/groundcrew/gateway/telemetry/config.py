"""Whether and where telemetry is sent: the standard variables of OpenTelemetry, and an endpoint of the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

import msgspec

from groundcrew.gateway.trace import TraceParent

log = logging.getLogger("groundcrew.gateway")

Content = Literal["off", "spans", "events"]
SIGNALS = ("traces", "metrics", "logs")
PROTOCOL = "http/protobuf"
INTERVAL_MS_MAX = 3_600_000


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent where: full URLs by signal, and the share of new traces whose spans are sent."""

    endpoints: dict[str, str]
    sampler: Sampler
    metrics_every_s: float = 60.0


class Sampler(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces are sampled. `share` of the new ones, 0..1; a caller's decision counts where `follows_parent`."""

    share: float = 1.0
    follows_parent: bool = True

    def samples(self, trace_id: str, parent: TraceParent | None) -> bool:
        """Whether the spans of this trace are sent; the same for all calls of a trace."""
        if parent is not None and self.follows_parent:
            return parent.sampled
        return int(trace_id[16:], 16) < self.share * 2**64


def read_config(environment: Mapping[str, str], endpoint: str = "") -> Config | None:
    """The configuration, None where telemetry is off: no endpoint is named, or it is disabled.

    A value that can not be used switches telemetry off with a warning, never the gateway: the variables are often set for a
    whole cluster.
    """
    base = endpoint or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    endpoints: dict[str, str] = {}
    for signal in SIGNALS:
        name = f"OTEL_EXPORTER_OTLP_{signal.upper()}_"
        url = environment.get(name + "ENDPOINT", "").strip() or (f"{base.rstrip('/')}/v1/{signal}" if base else "")
        if not url or environment.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").strip().lower() not in ("", "otlp"):
            continue
        protocol = environment.get(name + "PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL") or PROTOCOL
        if protocol.strip().lower() != PROTOCOL:
            log.warning("telemetry: %s are not sent: OTEL_EXPORTER_OTLP_PROTOCOL must be %s, not %r", signal, PROTOCOL, protocol)
        elif not url.startswith(("http://", "https://")):
            log.warning("telemetry: %s are not sent: their endpoint %r is no http or https URL", signal, url[:200])
        else:
            endpoints[signal] = url
    if not endpoints:
        return None
    every = environment.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip()
    every_s = int(every) / 1000 if every.isdigit() and 0 < int(every) <= INTERVAL_MS_MAX else 60.0
    return Config(endpoints=endpoints, sampler=read_sampler(environment), metrics_every_s=every_s)


def read_sampler(environment: Mapping[str, str]) -> Sampler:
    """OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; the standard's default is to follow the caller, else to sample all."""
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
    kind = name.removeprefix("parentbased_")
    follows = kind != name
    if kind == "always_on":
        return Sampler(follows_parent=follows)
    if kind == "always_off":
        return Sampler(share=0.0, follows_parent=follows)
    if kind == "traceidratio":
        text = environment.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1"
        try:
            share = float(text)
        except ValueError:
            share = -1.0
        if 0 <= share <= 1:
            return Sampler(share=share, follows_parent=follows)
        log.warning("telemetry: OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not %r; all traces are sampled", text[:40])
        return Sampler(follows_parent=follows)
    log.warning("telemetry: OTEL_TRACES_SAMPLER %r is not known; traces follow their caller", name[:40])
    return Sampler()
