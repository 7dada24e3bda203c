"""Letters: code pages, detection, transliteration. Knows no DICOM and no HL7."""
