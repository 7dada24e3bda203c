"""DICOM over the network: our own bounded upper layer for Storage and Verification."""
