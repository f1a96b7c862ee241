"""Runs migrations on the connection that the database module hands over, in one transaction."""

from __future__ import annotations

from alembic import context

from groundcrew.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
