"""Tuning over HTTP: data sets come from DATA/files alone, runs are asked for, watched and cancelled, versions retired."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.seed_tuning import seed_tuning
from tests.unit.tuning.folders import write_data_set
from tests.unit.web.site import Site


async def test_a_data_set_of_the_folder_of_files(site: Site, tmp_path: Path) -> None:
    files = site.services.jobs.folder
    write_data_set(files / "curated" / "tickets")
    body = {"folder": "curated/tickets", "data_class": "pii"}
    assert (await site.api("auditor", "POST", "/data-sets", json=body)).status_code == 403
    found = await site.api("owner", "POST", "/data-sets", json=body)
    assert (found.status_code, found.json()["data_class"], found.json()["splits"]["train"]) == (201, "pii", 36)
    assert (await site.api("owner", "POST", "/data-sets", json={**body, "data_class": "public"})).status_code == 400
    write_data_set(tmp_path / "elsewhere" / "secret")
    (files / "link").symlink_to(tmp_path / "elsewhere" / "secret")
    for folder in ("../elsewhere/secret", str(tmp_path / "elsewhere" / "secret"), "link", ".hidden"):
        refused = await site.api("owner", "POST", "/data-sets", json={"folder": folder, "data_class": "public"})
        assert refused.status_code == 400, folder
    assert (await site.api("owner", "POST", "/data-sets", json={"folder": "no", "data_class": "public"})).status_code == 404
    details = (await site.api("auditor", "GET", "/data-sets/tickets")).json()
    assert (details["funnel"]["records"], details["available"]) == (75, True)
    page = (await site.as_person("auditor", "GET", f"/tuning/data-sets/tickets@{found.json()['revision']}")).text
    assert all(text in page for text in ("Duplicate", "of 75", "Data card: tickets", "pii"))
    path = f"/data-sets/tickets@{found.json()['revision']}"
    assert (await site.api("business", "POST", f"{path}/remove", json={"reason": "asked for"})).status_code == 403
    assert (await site.api("legal", "POST", f"{path}/remove", json={"reason": "asked for"})).json()["removed_by"] == "user:legal"
    assert (await site.api("auditor", "GET", path)).json()["available"] is False
    assert "Its records were removed by" in (await site.as_person("auditor", "GET", f"/tuning{path}")).text


async def test_runs_and_versions(site: Site, tmp_path: Path) -> None:
    ids = await seed_tuning(site.services, tmp_path)
    body = {"model": "ticket-router", "data_set": "tickets", "architecture": "classifier", "settings": {"depth": 1}}
    assert (await site.api("auditor", "POST", "/tuning-runs", json=body)).status_code == 403
    assert (await site.api("business", "POST", "/tuning-runs", json=body)).status_code == 400
    asked = await site.api("business", "POST", "/tuning-runs", json={**body, "settings": {}})
    assert asked.status_code == 202
    run = asked.json()["id"]
    assert (await site.api("auditor", "GET", f"/tuning-runs/{run}")).json()["phase"] == "queued"
    assert "Cancel the run" in (await site.as_person("business", "GET", f"/tuning/runs/{run}")).text
    assert "Cancel the run" not in (await site.as_person("auditor", "GET", f"/tuning/runs/{run}")).text
    cancelled = await site.as_person("business", "POST", f"/tuning/runs/{run}/cancel", data={"reason": "<b>wrong</b>"})
    assert cancelled.status_code == 303
    page = (await site.as_person("auditor", "GET", f"/tuning/runs/{run}")).text
    assert "&lt;b&gt;wrong&lt;/b&gt;" in page
    assert (await site.api("it", "POST", f"/tuning-runs/{run}/cancel", json={})).status_code == 409
    assert len((await site.api("auditor", "GET", f"/tuning-runs/{ids['tuning_run']}/steps")).json()["steps"]) == 24
    drawn = (await site.as_person("auditor", "GET", f"/tuning/runs/{ids['tuning_run']}")).text
    assert 'aria-label="accuracy from 0.375 at step 1 to 0.8542 at step 24' in drawn
    assert len((await site.api("auditor", "GET", "/tuning-runs?model=ticket-router")).json()["tuning_runs"]) == 4
    assert "ticket-router@1" in (await site.as_person("auditor", "GET", "/tuning")).text
    lineage = (await site.api("auditor", "GET", "/tuned-models/ticket-router")).json()
    assert (lineage["model"]["version"], lineage["run"]["id"]) == (1, ids["tuning_run"])
    path = "/tuned-models/ticket-router@1/retire"
    assert (await site.api("business", "POST", path, json={"reason": "drifted"})).status_code == 403
    assert (await site.as_person("it", "POST", "/tuning/models/ticket-router@1/retire", data={"reason": ""})).status_code == 400
    assert (await site.api("on_call", "POST", path, json={"reason": "drifted"})).json()["state"] == "retired"
    assert (await site.api("on_call", "POST", path, json={"reason": "drifted"})).status_code == 409
    path = "/tuned-models/ticket-router@1/remove"
    assert (await site.api("on_call", "POST", path, json={"reason": "old"})).status_code == 403
    assert (await site.api("it", "POST", path, json={"reason": ""})).status_code == 400
    assert (await site.api("it", "POST", path, json={"reason": "old"})).json()["removal_reason"] == "old"
    assert "removed by" in (await site.as_person("auditor", "GET", "/tuning/models/ticket-router@1")).text
    assert "Gateways do not answer with it" in (await site.as_person("auditor", "GET", "/tuning/models/ticket-router@1")).text
