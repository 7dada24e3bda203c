#!/bin/sh
# Once a day, on any machine that reaches the database. The objects are kept by the bucket itself (versioning, and a
# copy of it elsewhere); the records go first, for objects are never changed: whatever they name is in a later copy.
set -eu
: "${DATABASE_URL:?postgresql://tolmach:PASSWORD@HOST/tolmach}" "${BACKUP_DIR:?a folder on another machine}"
target="$BACKUP_DIR/tolmach-$(date -u +%Y-%m-%dT%H%M%SZ).dump"
pg_dump --format=custom --no-owner --file="$target.part" "$DATABASE_URL"
pg_restore --list "$target.part" >/dev/null
mv "$target.part" "$target"
# Only then the objects, where the bucket's server does not copy them by itself:
if [ -n "${COPY_OBJECTS:-}" ]; then sh -c "$COPY_OBJECTS"; fi
