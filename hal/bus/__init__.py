"""One owner per wire: serial port, Modbus line, CAN bus, GPIO lines. The only users of the bus libraries."""
