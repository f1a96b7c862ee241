"""Files by address: on this machine, or in an object store, whose credentials come from the environment and from nowhere else."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit

from groundcrew.errors import InputError

#: Stores that the address itself tells how to reach.
SCHEMES: Final = ("s3", "gs", "abfs", "abfss", "file")
CONNECT_TIMEOUT_S = 10.0
REQUEST_TIMEOUT_S = 60.0
ATTEMPTS_MAX = 4
BUFFER_BYTES = 1_048_576


def is_address(name: str) -> bool:
    """Whether `name` is an address of a store, such as s3://bucket/folder, and no path."""
    return "://" in name


def refuse_bad_address(name: str) -> None:
    """Raise InputError for an address of an unknown store, and for one with credentials in it, which are never repeated."""
    parts = urlsplit(name)
    if parts.scheme.lower() not in SCHEMES:
        raise InputError(
            f"unknown kind of address; known: {', '.join(f'{each}://' for each in SCHEMES)}", file=without_secrets(name)
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InputError("an address is a bucket and a path; credentials belong into the environment", file=without_secrets(name))


def without_secrets(name: str) -> str:
    """An address as it may be shown: without user, password and query."""
    parts = urlsplit(name)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def store_of(name: str) -> tuple[Any, str]:
    """The file system of an address (pyarrow.fs) and the path in it."""
    from pyarrow import fs

    refuse_bad_address(name)
    parts = urlsplit(name)
    if parts.scheme.lower() != "s3":
        try:
            return cast("tuple[Any, str]", fs.FileSystem.from_uri(name))
        except (OSError, ValueError) as error:
            raise InputError(f"can not be reached: {_first_line(error)}", file=name) from error
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
    store = fs.S3FileSystem(
        endpoint_override=endpoint,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ("us-east-1" if endpoint else None),
        anonymous=os.environ.get("AWS_NO_SIGN_REQUEST", "").lower() in ("1", "true", "yes"),
        connect_timeout=CONNECT_TIMEOUT_S,
        request_timeout=REQUEST_TIMEOUT_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS_MAX),
    )
    return store, f"{parts.netloc}{parts.path}".rstrip("/")


def open_bytes(name: str) -> IO[bytes]:
    """The bytes of a file, to be read from any place in it. Raises InputError naming the address, OSError for a path."""
    if not is_address(name):
        return Path(name).open("rb")
    store, path = store_of(name)
    try:
        return io.BufferedReader(store.open_input_file(path), BUFFER_BYTES)
    except OSError as error:
        raise InputError(f"can not be read: {_first_line(error)}", file=name) from error


def files_under(name: str) -> list[str]:
    """The address of a file, or the addresses of all files under a folder, hidden ones left out. Raises InputError."""
    from pyarrow import fs

    store, path = store_of(name)
    scheme = urlsplit(name).scheme
    try:
        info = store.get_file_info(path)
        if info.type == fs.FileType.File:
            return [name]
        if info.type != fs.FileType.Directory:
            raise InputError("no such file or folder", file=name)
        found = store.get_file_info(fs.FileSelector(path, recursive=True))
    except OSError as error:
        raise InputError(f"can not be listed: {_first_line(error)}", file=name) from error
    inside = [each.path for each in found if each.type == fs.FileType.File]
    shown = [each for each in inside if not any(part.startswith(".") for part in each[len(path) :].split("/"))]
    return [f"{scheme}://{each}" for each in sorted(shown)]


def _first_line(error: Exception) -> str:
    """The first line of a store's complaint, cut; never a header of the request."""
    return (str(error).splitlines() or ["no reason given"])[0][:300]
