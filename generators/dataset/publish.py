"""Upload an export to a Hugging Face repository or to a bucket; without `--upload` only say what would be done."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from generators.dataset import licences, manifest
from generators.dataset.lines import FailedError, UsageError, size_text
from generators.dataset.manifest import Manifest
from generators.dataset.progress import progress


def publish(folder: Path, address: str, *, upload: bool = False) -> str:
    """Upload the files of an export, the manifest last. Every hash is checked first.

    address: hf://datasets/OWNER/NAME, s3://BUCKET/PATH or any that fsspec knows. Returns what was done, or would be.
    Raises UsageError for an address that is none or a set that must not be passed on, FailedError where it fails.
    """
    there = manifest.read(folder)
    if "://" not in address:
        raise UsageError(f"'{address}' is no address; expected hf://datasets/OWNER/NAME or s3://BUCKET/PATH")
    if there.licence == licences.UNKNOWN:
        raise UsageError(f"nobody knows the licence of {folder}; export it with --soundfont-licence, if you know it")
    for entry in there.files:
        if wrong := manifest.wrong_with(folder, entry):
            raise UsageError(f"{folder / entry.path}: {wrong}; {there.command} --out {folder} mends it")
    names = [*(entry.path for entry in there.files), manifest.NAME]
    line = _line(folder, there, address)
    what = f"{len(names):,} files, {size_text(there.bytes)}, licence {there.licence}, to {address}"
    if not upload:
        return f"would upload {what}\n{line}\nnothing was uploaded; add --upload to do it"
    try:
        _upload(folder, there, names, address.rstrip("/"))
    except Exception as error:  # of the libraries each raises its own
        raise FailedError(
            f"{address}: {type(error).__name__}: {error}; the same command goes on where it was"
        ) from None
    return f"uploaded {what}\n{line}"


def _line(folder: Path, there: Manifest, address: str) -> str:
    """What generators/dataset/registry.json is to have, so that others download it by name."""
    digest = hashlib.sha256((folder / manifest.NAME).read_bytes()).hexdigest()
    entry = {"url": web_address(address), "sha256": digest, "command": there.command}
    return f"for registry.json: {json.dumps({there.plan.space: entry})}"


def web_address(address: str) -> str:
    """Where a web client finds the manifest, if it may be read by all."""
    kind, _, path = address.rstrip("/").partition("://")
    if kind == "hf":
        owner_name = "/".join(path.removeprefix("datasets/").split("/")[:2])
        rest = "".join(f"/{part}" for part in path.removeprefix("datasets/").split("/")[2:])
        return f"https://huggingface.co/datasets/{owner_name}/resolve/main{rest}/{manifest.NAME}"
    if kind == "s3":
        bucket, _, rest = path.partition("/")
        return f"https://{bucket}.s3.amazonaws.com/{f'{rest}/' if rest else ''}{manifest.NAME}"
    return f"{address.rstrip('/')}/{manifest.NAME}"


def _upload(folder: Path, there: Manifest, names: list[str], address: str) -> None:
    if address.startswith("hf://datasets/"):
        _to_hugging_face(folder, names, address)
        return
    import fsspec

    files: Any
    files, root = fsspec.core.url_to_fs(address)
    sizes = {entry.path: entry.bytes for entry in there.files}
    with progress("uploading", there.bytes, "MB", 1e6) as step:
        for name in names:
            target, size = f"{root}/{name}", sizes.get(name, 0)
            if name == manifest.NAME or not files.exists(target) or files.info(target)["size"] != size:
                files.makedirs(target.rpartition("/")[0], exist_ok=True)
                files.put_file(str(folder / name), target)
            step(size)


def _to_hugging_face(folder: Path, names: list[str], address: str) -> None:
    """By its own library: one commit, large files in pieces, what is there already not sent again."""
    from huggingface_hub import HfApi

    owner, name, *rest = address.removeprefix("hf://datasets/").split("/")
    api, repository = HfApi(), f"{owner}/{name}"
    api.create_repo(repository, repo_type="dataset", exist_ok=True)
    api.upload_folder(
        repo_id=repository,
        repo_type="dataset",
        folder_path=folder,
        path_in_repo="/".join(rest) or None,
        allow_patterns=names,
        commit_message="Upload by dTones",
    )
