"""Token readers (RFID)."""
