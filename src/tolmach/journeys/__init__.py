"""The stories, one short module each. They know no network, no disk and no database."""
