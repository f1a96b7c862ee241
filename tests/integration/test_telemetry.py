"""The whole process with telemetry on: a request over its ASGI application reaches a collector."""

from __future__ import annotations

from pathlib import Path

from tests.unit.gateway.collector import Collector

from groundcrew.app import App
from groundcrew.settings import Settings
from groundcrew.testing import request


async def test_the_settings_endpoint_gets_what_the_process_serves(tmp_path: Path) -> None:
    with Collector() as collector:
        async with App(Settings(data=tmp_path, otlp_endpoint=collector.url)) as app:
            refused = await request(app, "/v1/models", method="GET", headers={"authorization": "Bearer gc_wrong"})
            assert refused.status == 401
            metrics = app.metrics.render().decode()
        assert "groundcrew_telemetry_dropped_total 0.0" in metrics
        span = collector.span("GET /v1/models")
        assert span.attributes["groundcrew.error_code"] == "invalid_key"
        assert "http.server.request.duration" in collector.points()
        assert span.resource["service.name"] == "groundcrew"
