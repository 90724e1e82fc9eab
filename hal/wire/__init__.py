"""Pure codecs: bytes or frames on one side, dataclasses on the other. No I/O."""
