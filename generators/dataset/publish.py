"""Upload an export to a Hugging Face repository or to a bucket; without `--upload` only look, and say what would be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from generators.dataset import addresses, licences, manifest
from generators.dataset.addresses import Address
from generators.dataset.lines import FailedError, UsageError, size_text
from generators.dataset.manifest import Manifest
from generators.dataset.progress import progress

_CLIPS = ("data/", "audio/", "midi/")
_OF_THE_HUB = {".gitattributes"}  # which Hugging Face puts into every repository


def publish(folder: Path, to: str, *, upload: bool = False) -> str:
    """Upload the files of an export, the manifest last. Every hash is checked first.

    to: hf://datasets/OWNER/NAME, s3://BUCKET/PATH or any that fsspec knows. Returns what was done, or would be.
    Raises UsageError for an address that is none, or that holds other files, and for a set that must not be passed on;
    FailedError where it fails.
    """
    there, address = manifest.read(folder), addresses.parse(to)
    if there.licence == licences.UNKNOWN:
        raise UsageError(f"nobody knows the licence of {folder}; export it with --soundfont-licence, if you know it")
    if licences.needs_notice(there.plan):
        raise UsageError(
            f"{there.licence}, the licence of {folder}, asks that its notice go with the clips, and it is not there; "
            "export them anew with --soundfont-notice FILE"
        )
    for entry in there.files:
        if wrong := manifest.wrong_with(folder, entry):
            raise UsageError(f"{folder / entry.path}: {wrong}; {there.command} --out {folder} mends it")
    names = [*(entry.path for entry in there.files), manifest.NAME]
    what = f"{len(names):,} files, {size_text(there.bytes)}, licence {there.licence}, to {address}"
    lines = [_line(folder, there, address)]
    if address.kind == "hf" and there.plan.format == "wav":
        lines.append(f"{len(names):,} small files are slow to send and to load; --format parquet has a few large ones")
    lacking = addresses.lacking(address)
    if not upload:
        lines.append(f"{address.kind}:// needs: {lacking}" if lacking else _looked(address, names))
        return "\n".join([f"would upload {what}", *lines, "nothing was uploaded; add --upload to do it"])
    if lacking:
        raise UsageError(f"{address.kind}:// needs: {lacking}")
    try:
        _upload(folder, there, names, address)
    except UsageError:
        raise
    except Exception as error:  # of the libraries each raises its own
        raise FailedError(
            f"{address}: {type(error).__name__}: {error}; the same command goes on where it was"
        ) from None
    return "\n".join([f"uploaded {what}", *lines])


def _line(folder: Path, there: Manifest, address: Address) -> str:
    """What generators/dataset/registry.json is to have, so that others download it by name."""
    digest = hashlib.sha256((folder / manifest.NAME).read_bytes()).hexdigest()
    url = addresses.web_address(address)
    entry = {"url": url, "sha256": digest, "command": there.command}
    unknown = "" if url else f"; its url is to be that of {manifest.NAME} on a web server, which is not known here"
    return f"for registry.json: {json.dumps({there.plan.key: entry})}{unknown}"


def _looked(address: Address, names: list[str]) -> str:
    """What lies at the target, in a line. Raises UsageError where that is in the way."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        found = _on_hugging_face(address) if address.kind == "hf" else _in_store(address)[2]
    except RepositoryNotFoundError:  # or none that this user may see
        found = set()
    except Exception as error:  # of the libraries each raises its own
        return f"what {address} holds could not be looked up: {type(error).__name__}: {error}"
    _check_target(found - set(names), address)
    there = len(found & set(names))
    return f"{address} holds {f'files of {there:,} of these names' if there else 'none of it yet'}"


def _in_store(address: Address) -> tuple[Any, str, set[str]]:
    """The file system of fsspec, the folder in it, and the files below that."""
    import fsspec

    files: Any
    files, root = fsspec.core.url_to_fs(str(address))
    root = root.rstrip("/")
    return files, root, {path[len(root) :].lstrip("/") for path in files.find(root)} if files.exists(root) else set()


def _on_hugging_face(address: Address) -> set[str]:
    """The files of this folder of a repository."""
    from huggingface_hub import HfApi

    repository, inside = address.repository
    below = f"{inside}/" if inside else ""
    found = set(HfApi().list_repo_files(repository, repo_type="dataset"))
    return {path.removeprefix(below) for path in found if path.startswith(below)} - _OF_THE_HUB


def _upload(folder: Path, there: Manifest, names: list[str], address: Address) -> None:
    if address.kind == "hf":
        _to_hugging_face(folder, names, address)
        return
    files, root, found = _in_store(address)
    _check_target(found - set(names), address)
    known = manifest.NAME in found
    same = known and files.cat_file(f"{root}/{manifest.NAME}") == (folder / manifest.NAME).read_bytes()
    sizes = {entry.path: entry.bytes for entry in there.files}
    with progress("uploading", there.bytes, "MB", 1e6) as step:
        for name in names:
            target, size = f"{root}/{name}", sizes.get(name, 0)
            # of an upload that was cut short a clips' file of the right size is whole; of another set nothing is
            kept = name in found and name in sizes and (same or (not known and name.startswith(_CLIPS)))
            if not kept or files.info(target)["size"] != size:
                files.makedirs(target.rpartition("/")[0], exist_ok=True)
                files.put_file(str(folder / name), target)
            step(size)


def _check_target(others: Collection[str], address: Address) -> None:
    """Raises UsageError where the target holds what is not of this export: it would be loaded with it."""
    if others:
        raise UsageError(
            f"{address} holds {len(others):,} other files ({min(others)} first), which would be taken for a part of "
            "this set; remove them, or choose another --to; nothing was uploaded"
        )


def _to_hugging_face(folder: Path, names: list[str], address: Address) -> None:
    """By its own library: one commit, large files in pieces, what is there already not sent again."""
    from huggingface_hub import HfApi

    api, (repository, inside) = HfApi(), address.repository
    api.create_repo(repository, repo_type="dataset", exist_ok=True)
    _check_target(_on_hugging_face(address) - set(names), address)
    api.upload_folder(
        repo_id=repository,
        repo_type="dataset",
        folder_path=folder,
        path_in_repo=inside or None,
        allow_patterns=names,
        commit_message="Upload by dTones",
    )
