"""The only code that knows SQL: database, tables, collections of structs, migrations."""
