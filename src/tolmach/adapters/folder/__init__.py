"""Files and folders: finding them, reading them in constant memory, writing them so that nothing is ever half there."""

from tolmach.adapters.folder.faults import FileProblem, FileTrouble
from tolmach.adapters.folder.in_place import original_of, record_of, replace_in_place, undo
from tolmach.adapters.folder.reading import FileReader, inflate
from tolmach.adapters.folder.walking import FoundFile, walk, walk_fixed
from tolmach.adapters.folder.writing import sha256_of, write_file, write_private

__all__ = [
    "FileProblem",
    "FileReader",
    "FileTrouble",
    "FoundFile",
    "inflate",
    "original_of",
    "record_of",
    "replace_in_place",
    "sha256_of",
    "undo",
    "walk",
    "walk_fixed",
    "write_file",
    "write_private",
]
