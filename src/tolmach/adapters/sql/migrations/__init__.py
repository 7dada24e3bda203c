"""The steps from one version of the tables to the next, carried out by alembic."""
