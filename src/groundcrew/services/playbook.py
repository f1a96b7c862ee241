"""The playbook: pages that champions work by. A starter set ships; whoever manages champions writes over it, version by
version."""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec

from groundcrew.domain.champion import PAGE_LENGTH_MAX, PAGES_MAX, VERSIONS_MAX, PlaybookPage
from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.lookups import nearest
from groundcrew.services.two_people import check_person
from groundcrew.store import deciding
from groundcrew.store.database import Connection, Database

PAGES = Path(__file__).with_name("playbook_pages")
TITLE_LENGTH_MAX, NOTE_LENGTH_MAX = 200, 1_000
SHIPPED_BY = "groundcrew"
#: The pages that ship, in the order in which a newcomer reads them.
SHIPPED = ("first-hypothesis", "baseline", "asking-for-approvals", "when-to-stop")


class PageVersions(msgspec.Struct, frozen=True, kw_only=True):
    """A page as asked for, and all its versions that were ever written, the newest first; version 0 is what ships."""

    page: PlaybookPage
    versions: tuple[PlaybookPage, ...]

    @property
    def newest(self) -> int:
        """The version that stands."""
        return self.versions[0].version


class Playbook:
    """The pages of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pages(self) -> list[PlaybookPage]:
        """The newest version of every page: those that ship first, then the others by name."""
        async with self._database.read() as connection:
            return list((await _newest(connection)).values())

    async def get(self, name: str, version: int | None = None) -> PageVersions:
        """One page, the newest version where none is named; NotFound."""
        async with self._database.read() as connection:
            versions = await _versions(connection, name)
            known = list(await _newest(connection)) if not versions else []
        if not versions:
            raise NotFound(f"the playbook has no page {name!r}{nearest(name, known)}")
        page = versions[0] if version is None else next((each for each in versions if each.version == version), None)
        if page is None:
            raise NotFound(f"the page {name} has no version {version}")
        return PageVersions(page=page, versions=tuple(versions))

    @staticmethod
    def check_name(name: str) -> None:
        """InputError for what can not name a page."""
        if problem := name_problem(name):
            raise InputError(problem, field="name")

    async def write(self, name: str, *, title: str, text: str, based_on: int, actor: str, note: str = "") -> PlaybookPage:
        """Write the next version of a page, or a new page. `based_on` is the version that was read, 0 for what ships or is new;
        Conflict where somebody else wrote meanwhile."""
        self.check_name(name)
        title, text, note = title.strip(), text.strip().replace("\r\n", "\n"), note.strip()
        for field, value, length_max in (("title", title, TITLE_LENGTH_MAX), ("text", text, PAGE_LENGTH_MAX)):
            if not value or len(value) > length_max:
                raise InputError(f"expected 1 to {length_max} characters", field=field)
        if len(note) > NOTE_LENGTH_MAX:
            raise InputError(f"at most {NOTE_LENGTH_MAX} characters", field="note")
        async with self._database.write(actor) as writer:
            await check_person(writer.connection, actor, "manage_champions")
            versions = await _versions(writer.connection, name)
            newest = versions[0].version if versions else 0
            if newest != based_on:
                raise Conflict(f"{versions[0].written_by} wrote version {newest} meanwhile: read it first")
            if not versions and len(await _newest(writer.connection)) >= PAGES_MAX:
                raise Conflict(f"the playbook has at most {PAGES_MAX} pages")
            if newest >= VERSIONS_MAX:
                raise Conflict(f"a page has at most {VERSIONS_MAX} versions")
            page = PlaybookPage(
                name=name,
                version=newest + 1,
                title=title,
                text=text,
                written_by=actor,
                written_at=writer.clock.now(),
                note=note,
            )
            await deciding.PLAYBOOK_PAGES.put(writer, page, "write", reason=note)
        return page


@functools.cache
def shipped_page(name: str) -> PlaybookPage | None:
    """The page of this name that ships, as version 0."""
    if name not in SHIPPED:
        return None
    content = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    title, _, text = content.partition("\n")
    return PlaybookPage(
        name=name, version=0, title=title.removeprefix("# "), text=text.strip(), written_by=SHIPPED_BY, written_at=None
    )


async def _versions(connection: Connection, name: str) -> list[PlaybookPage]:
    found = await deciding.PLAYBOOK_PAGES.find(connection, newest_first=True, name=name)
    shipped = shipped_page(name)
    return [*found, shipped] if shipped is not None else found


async def _newest(connection: Connection) -> dict[str, PlaybookPage]:
    """The newest version of every page by its name."""
    found = {name: page for name in SHIPPED if (page := shipped_page(name)) is not None}
    # By id, which is name and version: a later version takes the place of an earlier one.
    for each in await deciding.PLAYBOOK_PAGES.find(connection):
        found[each.name] = each
    return found
