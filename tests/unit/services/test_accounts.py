"""Keys and people: secrets are shown once, expire, and can be taken away at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.audit_search import Wanted
from groundcrew.domain.key import secret_sha256
from groundcrew.domain.user import Role
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.users import SESSION_S
from groundcrew.testing import FakeClock

PASSWORD = "correct horse battery"


@pytest.fixture
def clock(database_url: str, prepared: Prepared) -> FakeClock:
    return prepared.copy("declared", database_url)


@pytest.fixture
async def services(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


async def served(services: Services, secret: str) -> bool:
    """Whether the gateways let a caller with this key in."""
    return secret_sha256(secret) in (await services.snapshots.build()).keys


async def test_a_key_works_until_it_expires(services: Services, clock: FakeClock) -> None:
    version = await services.snapshots.version()
    created = await services.keys.create(bank.NAME, actor="user:maria", expires_in_s=60)
    assert created.secret.startswith("gc_")
    assert await services.snapshots.version() == version + 1
    assert await served(services, created.secret)
    clock.advance(60)
    assert not await served(services, created.secret)


async def test_a_revoked_key_works_no_more(services: Services) -> None:
    kept = await services.keys.create(bank.NAME, actor="user:maria")
    created = await services.keys.create(bank.NAME, actor="user:maria")
    revoked = await services.keys.revoke(created.key.id, actor="user:anna", reason="lost")
    assert revoked.revoked_at is not None
    assert (await served(services, created.secret), await served(services, kept.secret)) == (False, True)
    with pytest.raises(Conflict, match="was revoked at"):
        await services.keys.revoke(created.key.id, actor="user:anna", reason="again")
    assert [each.id for each in await services.keys.find(bank.NAME)] == [kept.key.id, created.key.id]


async def test_a_rotated_key_goes_on_beside_its_heir_until_the_overlap_ends(services: Services, clock: FakeClock) -> None:
    old = await services.keys.create(bank.NAME, actor="user:maria", expires_in_s=10 * bank.DAY_S, label="mail client")
    clock.advance(2 * bank.DAY_S)
    new = await services.keys.rotate(old.key.id, actor="user:anna", overlap_s=3_600)
    assert new.secret != old.secret
    assert (new.key.rotated_from, new.key.label, new.key.use_case) == (old.key.id, "mail client", bank.NAME)
    assert (new.key.expires_at - new.key.created_at).total_seconds() == 10 * bank.DAY_S
    clock.advance(3_599)
    assert (await served(services, old.secret), await served(services, new.secret)) == (True, True)
    clock.advance(1)
    assert (await served(services, old.secret), await served(services, new.secret)) == (False, True)
    assert (await services.audit.verify()).problems == ()


async def test_a_rotation_never_prolongs_a_key_and_happens_once(services: Services, clock: FakeClock) -> None:
    old = await services.keys.create(bank.NAME, actor="user:maria", expires_in_s=60)
    await services.keys.rotate(old.key.id, actor="user:anna", overlap_s=bank.DAY_S)
    with pytest.raises(Conflict, match="takes its place"):
        await services.keys.rotate(old.key.id, actor="user:anna")
    clock.advance(60)
    assert not await served(services, old.secret)
    with pytest.raises(Conflict, match="no longer valid"):
        await services.keys.rotate(old.key.id, actor="user:anna")


async def test_a_rotation_without_overlap_ends_the_old_key_at_once(services: Services) -> None:
    old = await services.keys.create(bank.NAME, actor="user:maria")
    with pytest.raises(InputError, match="overlap"):
        await services.keys.rotate(old.key.id, actor="user:anna", overlap_s=31 * bank.DAY_S)
    new = await services.keys.rotate(old.key.id, actor="user:anna", overlap_s=0)
    assert (await served(services, old.secret), await served(services, new.secret)) == (False, True)
    await services.keys.revoke(new.key.id, actor="user:anna", reason="lost")
    with pytest.raises(Conflict):
        await services.keys.rotate(new.key.id, actor="user:anna")


async def test_a_label_is_short_and_printable(services: Services) -> None:
    for label in ("x" * 101, "a\nb"):
        with pytest.raises(InputError, match="label"):
            await services.keys.create(bank.NAME, actor="user:maria", label=label)


async def test_when_a_key_was_last_used_is_known_once_its_calls_are_shipped(services: Services, clock: FakeClock) -> None:
    used, unused = [await services.keys.create(bank.NAME, actor="user:maria") for _ in range(2)]
    early, late = clock.now(), clock.now() + timedelta(minutes=3)
    for moment in (late, early):
        await services.calls.ship([bank.call(key_id=used.key.id, received_at=moment)], gateway="gateway-1")
    assert await services.keys.last_used(bank.NAME) == {used.key.id: late.replace(microsecond=0)}
    assert unused.key.id not in await services.keys.last_used()


async def test_a_key_lives_for_a_bounded_time(services: Services) -> None:
    for expires_in_s in (0, -1, 367 * bank.DAY_S, float("nan"), float("inf")):
        with pytest.raises(InputError, match="expires"):
            await services.keys.create(bank.NAME, actor="user:maria", expires_in_s=expires_in_s)


async def test_a_key_needs_a_use_case_that_is_there(services: Services) -> None:
    with pytest.raises(NotFound, match="did you mean 'assistant'"):
        await services.keys.create("asistant", actor="user:maria")
    with pytest.raises(NotFound):
        await services.keys.find("asistant")
    with pytest.raises(NotFound):
        await services.keys.revoke("01", actor="user:anna")
    assert await services.keys.find() == []


async def test_the_first_run_makes_an_admin_once(services: Services) -> None:
    password = await services.users.first_run()
    assert password is not None
    assert len(password) >= 12
    assert await services.users.first_run() is None
    admin = await services.users.authenticate("admin", password)
    assert "admin" in admin.roles
    assert not {"ethics", "it", "legal", "business"} & set(admin.roles), "an admin approves nothing"


async def test_people_sign_in_with_their_password_only(services: Services) -> None:
    await services.users.create("anna", PASSWORD, roles=("on_call",), actor="user:admin")
    assert (await services.users.authenticate("anna", PASSWORD)).name == "anna"
    for name, password in (("anna", PASSWORD + "x"), ("anna", ""), ("nobody", PASSWORD), ("Anna", PASSWORD)):
        with pytest.raises(NotAllowed, match=r"^name or password is wrong$"):
            await services.users.authenticate(name, password)
    with pytest.raises(Conflict, match="already"):
        await services.users.create("anna", PASSWORD, roles=("on_call",), actor="user:admin")


async def test_a_bad_account_names_its_field(services: Services) -> None:
    bad: list[tuple[str, str, tuple[Role, ...], str]] = [
        ("Anna Meier", PASSWORD, ("on_call",), "name"),
        ("anna", "short", ("on_call",), "password"),
        ("anna", "x" * 257, ("on_call",), "password"),
        ("anna", PASSWORD, (), "roles"),
        ("anna", PASSWORD, ("root",), "roles"),  # type: ignore[arg-type]
    ]
    for name, password, roles, field in bad:
        with pytest.raises(InputError) as raised:
            await services.users.create(name, password, roles=roles, actor="user:admin")
        assert raised.value.field == field
    assert await services.users.find() == []


async def test_a_session_ends_by_time_by_signing_out_and_by_a_new_password(services: Services, clock: FakeClock) -> None:
    user = await services.users.create("anna@bank.example", PASSWORD, roles=("on_call",), actor="user:admin")
    secret = await services.users.open_session(user)
    assert await services.users.session_user(secret) == user
    clock.advance(SESSION_S)
    assert await services.users.session_user(secret) is None
    secrets = [await services.users.open_session(user) for _ in range(3)]
    await services.users.close_session(secrets[0])
    assert await services.users.session_user(secrets[0]) is None
    assert await services.users.session_user(secrets[1]) == user
    await services.users.set_password(user.name, "another password", actor="user:admin")
    assert [await services.users.session_user(each) for each in secrets] == [None, None, None]
    with pytest.raises(NotAllowed):
        await services.users.authenticate(user.name, PASSWORD)
    assert [each.name for each in await services.users.find()] == [user.name]


async def test_an_account_is_changed_closed_and_opened_again_and_each_step_says_why(services: Services) -> None:
    users = services.users
    await users.create("root", PASSWORD, roles=("admin",), actor="cli:root")
    session = await users.open_session(await users.create("anna", PASSWORD, roles=("on_call",), actor="user:root"))
    changed = await users.change("anna", roles=("legal",), qualifications=("jurist",), actor="user:root", reason="moved to legal")
    signed_in = await users.session_user(session)
    assert signed_in == changed, "what changed holds from the next request on"
    assert (changed.roles, changed.qualifications) == (("legal",), ("jurist",))
    await users.close("anna", actor="user:root", reason="left the bank")
    assert await users.session_user(session) is None
    with pytest.raises(NotAllowed, match="name or password is wrong"):
        await users.authenticate("anna", PASSWORD)
    with pytest.raises(Conflict, match="closed already"):
        await users.close("anna", actor="user:root", reason="again")
    with pytest.raises(Conflict, match="already"):
        await users.create("anna", PASSWORD, roles=("legal",), actor="user:root")
    await users.reopen("anna", actor="user:root", reason="came back")
    assert await users.session_user(session) is None, "an old session stays ended"
    assert (await users.authenticate("anna", PASSWORD)).roles == ("legal",)
    with pytest.raises(Conflict, match="is open"):
        await users.reopen("anna", actor="user:root", reason="again")
    page = await services.audit.search(Wanted(subject="user/anna"))
    steps = [(each.action, each.reason) for each in page.entries][::-1]
    assert steps[1:] == [("change", "moved to legal"), ("close", "left the bank"), ("reopen", "came back")]
    assert (await services.audit.verify()).problems == ()


async def test_nobody_changes_their_own_account_and_one_admin_stays(services: Services) -> None:
    users = services.users
    await users.create("root", PASSWORD, roles=("admin",), actor="cli:root")
    await users.create("robot", PASSWORD, roles=("admin",), kind="agent", actor="user:root")
    with pytest.raises(NotAllowed, match="their own account"):
        await users.change("root", roles=("admin", "legal"), qualifications=(), actor="user:root", reason="handy")
    with pytest.raises(NotAllowed, match="their own account"):
        await users.close("root", actor="user:root", reason="bye")
    with pytest.raises(Conflict, match="only admin"):
        await users.close("root", actor="cli:op", reason="a program is no admin")
    with pytest.raises(Conflict, match="only admin"):
        await users.change("root", roles=("owner",), qualifications=(), actor="cli:op", reason="less")
    await users.create("vera", PASSWORD, roles=("admin",), actor="user:root")
    for roles in ((), ("king",)):
        with pytest.raises(InputError, match="roles are some of"):
            await users.change("vera", roles=roles, qualifications=(), actor="user:root", reason="x")
    with pytest.raises(InputError, match="say why"):
        await users.close("root", actor="user:vera", reason=" ")
    assert (await users.close("root", actor="user:vera", reason="two can not be one too few")).disabled
