"""HL7 v2 made usable: messages, acknowledgements."""
