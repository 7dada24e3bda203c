"""DICOM over HTTP: storing at other servers."""
