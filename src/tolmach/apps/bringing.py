"""Bringing images from another archive into a folder: each as it came, under a name that leads nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tolmach.adapters.dimse.errors import ContextNotAccepted
from tolmach.adapters.dimse.get_scu import SOME_FAILED, Received, accepted_classes, contexts_to_get, get_instances
from tolmach.adapters.dimse.query_scu import WriteKeys
from tolmach.adapters.dimse.spool import SpoolFolder
from tolmach.adapters.dimse.status import OUT_OF_RESOURCES, SUCCESS
from tolmach.adapters.folder import FileReader, inflate
from tolmach.adapters.folder.folder_tree import FolderTree
from tolmach.adapters.folder.path_template import PathTemplate, safe_name
from tolmach.apps.asking import NO_GET, NOTHING_ASKED, BadQuestion, model_for, open_association
from tolmach.apps.sections import TEMPLATE
from tolmach.apps.sending import Destination
from tolmach.archive.attributes import UNIQUE
from tolmach.archive.interfaces import LEVELS, Level
from tolmach.base import Problem, TolmachError
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Extent, Pieces

CANNOT_KEEP = OUT_OF_RESOURCES


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of one image, or, with `is_last`, how it all ended: `failed_there` did not leave the archive.

    `may_lack_some`: the archive ended with a warning that is about none of the images it counted.
    """

    sop_instance_uid: str = ""
    path: Path | None = None
    problem: Problem | None = None
    is_last: bool = False
    failed_there: int = 0
    may_lack_some: bool = False


def level_of_keys(keys: Mapping[str, str]) -> Level:
    """Tell at which level is asked: the lowest whose unique key has a value. Raises `BadQuestion`."""
    for level in reversed(LEVELS):
        if keys.get(UNIQUE[level]):
            return level
    raise BadQuestion(NOTHING_ASKED)


def bring(destination: Destination, level: Level, write: WriteKeys, out: Path) -> Iterator[Brought]:
    """Ask for images and write each into the folder as it comes, which is made where it is missing.

    Raises what an association raises, and `BadQuestion` where the peer does not serve C-GET.
    """
    out.mkdir(parents=True, exist_ok=True)
    keeper = _Keeper(FolderTree(out), PathTemplate.parse(TEMPLATE))
    model = model_for(level, "Get")
    contexts, roles = contexts_to_get(model)
    with ExitStack() as stack:
        spool = SpoolFolder(Path(stack.enter_context(TemporaryDirectory())))
        assoc = stack.enter_context(open_association(destination, contexts, roles))
        no_get = BadQuestion(NO_GET, peer=destination.address, own=destination.calling_ae_title)
        if not accepted_classes(assoc, contexts):
            raise no_get
        try:
            failed, may_lack_some = 0, False
            for progress in get_instances(assoc, model, write, spool, keeper.keep):
                yield from keeper.taken()
                failed = progress.failed
                may_lack_some = progress.status == SOME_FAILED and not (failed or progress.warnings)
        except ContextNotAccepted as error:
            raise no_get from error
        yield Brought(is_last=True, failed_there=max(0, failed - keeper.refused), may_lack_some=may_lack_some)


class _Keeper:
    """Puts what comes where it belongs."""

    def __init__(self, tree: FolderTree, template: PathTemplate) -> None:
        self._tree, self._template = tree, template
        self._reader = FileReader()
        self._done: list[Brought] = []
        self.refused = 0

    def taken(self) -> Iterator[Brought]:
        """Give what has come since the last time."""
        done, self._done = self._done, []
        yield from done

    def keep(self, received: Received) -> int:
        """Write one image; gives the status to answer."""
        made = received.spool.made
        assert made is not None
        made.file.close()
        try:
            with self._reader.open(made.path) as source:
                placed = self._tree.put(
                    self._names(source, received), Pieces.of(source, [Extent(0, source.size)]).chunks()
                )
        except TolmachError as error:
            self.refused += 1
            self._done.append(Brought(received.sop_instance_uid, problem=error.problem))
            return CANNOT_KEEP
        self._done.append(Brought(received.sop_instance_uid, placed.path))
        return SUCCESS

    def _names(self, source: Source, received: Received) -> tuple[str, ...]:
        """Give the names on the way to a file; what cannot be read is named by its UID alone."""
        try:
            return self._template.names(open_data_set(source, inflate))
        except (Damaged, NotDicom):
            return (safe_name(f"{received.sop_instance_uid}.dcm"),)
