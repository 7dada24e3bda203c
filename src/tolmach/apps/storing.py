"""Where the configuration says that objects are: the store it names, with the keys the environment gives."""

from __future__ import annotations

from collections.abc import Mapping

from tolmach.adapters.objects.opening import Objects, open_store
from tolmach.adapters.objects.s3_address import Keys
from tolmach.apps.sections import Settings


def store_of(settings: Settings, environment: Mapping[str, str], *, sync: bool = True) -> Objects:
    """Give the configured store; raises `StoreUnusable` and `StoreTrouble` as `open_store` does."""
    return open_store(settings.objects, settings.data_dir, keys_from(environment), sync=sync)


def keys_from(environment: Mapping[str, str]) -> Keys:
    """Give what the environment says of keys, under the names all programs for S3 know; empty where it says nothing."""
    return Keys(
        environment.get("AWS_ACCESS_KEY_ID", "").strip(),
        environment.get("AWS_SECRET_ACCESS_KEY", "").strip(),
        environment.get("AWS_SESSION_TOKEN", "").strip(),
    )
