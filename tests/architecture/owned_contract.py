"""An import-linter contract: a big library has owners, and nobody else imports it. Owners need not exist yet."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OwnedContract(Contract):
    """Kept when the libraries are imported by the owners alone, directly; a library nobody imports is in order."""

    type_name = "owned"

    libraries = fields.ListField(subfield=fields.StringField())
    owners = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        strangers = [
            (importer, str(library))
            for library in self.libraries
            if library in graph.modules
            for importer in sorted(graph.find_modules_that_directly_import(library))
            if not any(f"{importer}.".startswith(f"{owner}.") for owner in self.owners)
        ]
        return ContractCheck(kept=not strangers, metadata={"strangers": strangers})

    def render_broken_contract(self, check: ContractCheck) -> None:
        strangers: list[tuple[str, str]] = check.metadata["strangers"]
        for importer, library in strangers:
            output.print_error(f"{importer} imports {library}; its owners are {', '.join(self.owners)}", bold=False)
