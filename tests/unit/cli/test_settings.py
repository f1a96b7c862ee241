"""Settings: from the environment, overridden by options, each with a line of help."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from groundcrew.errors import InputError
from groundcrew.settings import HELP, Settings, load


def test_every_setting_has_a_line_of_help() -> None:
    assert set(HELP) == {each.name for each in msgspec.structs.fields(Settings)}
    assert all(HELP.values())


def test_options_win_over_the_environment_and_that_over_defaults() -> None:
    environment = {"GROUNDCREW_PORT": "9000", "GROUNDCREW_DATA": "there/data", "GROUNDCREW_SECURE_COOKIES": "true"}
    settings = load(environment, port=9001, host=None)
    assert (settings.port, settings.host, settings.data, settings.secure_cookies) == (9001, "127.0.0.1", Path("there/data"), True)
    assert load({}) == Settings()
    assert load({"GROUNDCREW_PORT": ""}) == Settings(), "an empty variable is none"


def test_a_word_that_is_none_of_those_known_is_refused_with_them() -> None:
    with pytest.raises(InputError, match="GROUNDCREW_LOG_FORMAT: use one of text, json, not 'xml'"):
        load({"GROUNDCREW_LOG_FORMAT": "xml"})


def test_the_largest_body_of_a_call_is_a_setting_with_bounds() -> None:
    from groundcrew.trial_point import gateway_limits

    assert gateway_limits(load({"GROUNDCREW_BODY_BYTES_MAX": "8000000"})).body_bytes_max == 8_000_000
    for wrong in ("1000", str(65 * 1024 * 1024)):
        with pytest.raises(InputError, match="body_bytes_max: must be from"):
            load({"GROUNDCREW_BODY_BYTES_MAX": wrong})


def test_the_database_is_in_the_data_folder_unless_it_is_named() -> None:
    assert load({"GROUNDCREW_DATA": "d"}).database == "sqlite:///d/groundcrew.db"
    assert load({"GROUNDCREW_DATABASE_URL": "postgresql://db/x"}).database == "postgresql://db/x"
    assert load({"GROUNDCREW_DATA": "d"}).spool == Path("d/spool/spool.db")


def test_the_deadline_of_a_stop_is_a_setting(tmp_path: Path) -> None:
    """One that nothing reads would promise what does not happen."""
    from tests.postgres import run_apart
    from tests.unit.services import bank

    from groundcrew.domain.kill_switch import Scope
    from groundcrew.services.bundle import open_services

    async def work() -> None:
        services = await open_services(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, kill_confirm_s=0.1)
        await bank.apply(services)
        await bank.silent_gateway(services)
        report = await services.kill_switches.stop(Scope("all"), actor=bank.PERSON, reason="odd")
        assert report.switch.state == "stop_failed"
        assert 0.1 <= report.seconds < 2
        await services.database.close()

    run_apart(work())


@pytest.mark.parametrize(
    "name", ["SNAPSHOT_POLL_MS", "SNAPSHOT_AGE_S_MAX", "SHIP_EVERY_MS", "SHIP_BATCH_MAX", "KILL_CONFIRM_S_MAX"]
)
def test_a_limit_is_more_than_nothing(name: str) -> None:
    for value in ("0", "-1"):
        with pytest.raises(InputError) as raised:
            load({f"GROUNDCREW_{name}": value})
        assert raised.value.field == name.lower()
