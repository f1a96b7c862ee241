"""The tests' own PostgreSQL server: each test gets an empty database, and a privileged account never runs it."""

from __future__ import annotations

import asyncpg
import pytest

pytestmark = pytest.mark.postgres


async def test_each_test_gets_an_empty_database(empty_postgres_url: str) -> None:
    connection = await asyncpg.connect(empty_postgres_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == 0
        await connection.execute("CREATE TABLE seen (id int)")
    finally:
        await connection.close()


async def test_another_test_sees_nothing_of_it(empty_postgres_url: str) -> None:
    connection = await asyncpg.connect(empty_postgres_url)
    try:
        assert await connection.fetchval("SELECT to_regclass('seen')") is None
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    finally:
        await connection.close()


async def test_a_database_dropped_under_an_open_connection_does_not_hang(empty_postgres_url: str) -> None:
    connection = await asyncpg.connect(empty_postgres_url)
    assert await connection.fetchval("SELECT 1") == 1
    connection.terminate()
