"""The OCPP side, version-neutral part: framing, link, queue."""
