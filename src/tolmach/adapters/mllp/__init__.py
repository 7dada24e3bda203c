"""HL7 messages over TCP in frames: the minimal lower layer protocol."""
