"""The pretrained networks of the text task: fetched with pip, checked, and converted once.

    python -m headway_workers.rewarded_soups.text.fetch

Two source distributions carry them, both MIT: textgenrnn 2.0.0 a character language model trained on titles
from Reddit, reactionrnn 0.1 a network that foretells reactions to a text. The archives are looked for as pip
would look for them, on whatever index the user has configured, and held to a hash that stands here; nothing
in them is run, built or unpickled. Their weights are rearranged into safetensors in a cache folder.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from headway_workers.contract import DataUnavailable
from headway_workers.rewarded_soups.text.conversion import Network, converted, policy, reactions

FORMAT = 1
"""Of the converted files: another number converts anew."""


@dataclass(frozen=True)
class Distribution:
    """A source distribution with a network in it."""

    name: str
    version: str
    sha256: str
    """Of the whole archive."""
    network: Network
    """How its weights are laid out."""

    @property
    def file_name(self) -> str:
        """The archive's."""
        return f"{self.name}-{self.version}.tar.gz"

    @property
    def members(self) -> tuple[str, str]:
        """The weights and the vocabulary within the archive."""
        folder = f"{self.name}-{self.version}/{self.name}/{self.name}"
        return f"{folder}_weights.hdf5", f"{folder}_vocab.json"


POLICY = Distribution(
    "textgenrnn", "2.0.0", "c2b6f1c201c76d5a6021079e95a8db499bbe15d9f3448d33cb51c0cd496c86f8", policy
)
REACTIONS = Distribution(
    "reactionrnn", "0.1", "1a192ede4c68d18cdf3cfad7830e2772337a5bfc5a7b66d096f63dbcd04c7f06", reactions
)


def cache_folder() -> Path:
    """Where this room keeps files: `headway/rewarded-soups` in `XDG_CACHE_HOME` or `~/.cache`."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "headway" / "rewarded-soups"


def weights(source: Distribution, cache: Path | None = None) -> Path:
    """The network of a distribution as safetensors, its vocabulary in the metadata; fetched at first use.

    An archive of that name in the cache folder is used before any index is asked.

    Raises:
        DataUnavailable: the archive can't be had, or is not the one whose hash stands here.
    """
    folder = cache or cache_folder()
    ready = folder / f"{source.name}-{source.sha256[:16]}-{FORMAT}.safetensors"
    if not ready.exists():
        write_whole(ready, converted(*contents(source, archive(source, folder)), source.network))
    return ready


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: several workers may write it at once, and any may be killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def archive(source: Distribution, folder: Path) -> bytes:
    """The archive, from the folder where it lies there, and otherwise fetched into it.

    Raises:
        DataUnavailable: it can't be had, or is not the one whose hash stands here.
    """
    local = folder / source.file_name
    content = local.read_bytes() if local.exists() else _download(source, folder)
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise DataUnavailable(
            f"{source.file_name} has the SHA-256 {found}, not {source.sha256}: it is another archive, or a "
            f"damaged one. Put the right one into {folder}."
        )
    if not local.exists():
        write_whole(local, content)
    return content


def _download(source: Distribution, folder: Path) -> bytes:
    """The archive, found and fetched by pip's own finder and session.

    `pip download` would run the archive's setup.py for its metadata, and no option keeps it from that; so
    pip is asked only where the file is, with the user's index, proxy, certificates and credentials.
    """
    wanted = f"{source.name}=={source.version}"
    remedy = f"Put {source.file_name} (`{wanted}` as a source distribution) into {folder}, or go online once."
    try:
        from pip._internal.commands import create_command
        from pip._vendor.packaging.specifiers import SpecifierSet
    except ImportError as error:
        raise DataUnavailable(f"pip is not there to fetch {source.file_name}: {error}. {remedy}") from None
    command = create_command("download")
    options, _ = command.parse_args(["--retries", "1", "--no-binary", source.name, wanted])
    with command.main_context():
        session = command.get_default_session(options)  # type: ignore[attr-defined] # pip's commands differ
        finder = command._build_package_finder(options, session)  # type: ignore[attr-defined] # noqa: SLF001
        best = finder.find_best_candidate(source.name, SpecifierSet(f"=={source.version}")).best_candidate
        if best is None:
            raise DataUnavailable(f"pip finds no {source.file_name} on the configured index. {remedy}")
        try:
            response = session.get(best.link.url_without_fragment)
        except OSError as error:  # what the session raises is one
            raise DataUnavailable(f"{source.file_name} can not be fetched: {error}. {remedy}") from None
        if response.status_code != 200:
            raise DataUnavailable(
                f"The index answers {response.status_code} for {source.file_name}. {remedy}"
            )
        content: bytes = response.content
        return content


def contents(source: Distribution, packed: bytes) -> tuple[bytes, bytes]:
    """Weights and vocabulary, by name out of the archive; nothing is unpacked to the disk."""
    with tarfile.open(fileobj=BytesIO(packed), mode="r:gz") as tar:
        found = [tar.extractfile(name) for name in source.members]
        assert found[0] is not None
        assert found[1] is not None
        return found[0].read(), found[1].read()


def main() -> None:
    """Fetch both, and say where they are."""
    try:
        for source in (POLICY, REACTIONS):
            print(weights(source))  # noqa: T201 - a set-up step says what it did
    except DataUnavailable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
