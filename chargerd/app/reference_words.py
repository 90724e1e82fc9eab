"""What each key of the configuration is for, in words: `Class.field` of the dataclass that declares it, or the name of a section."""

from __future__ import annotations

from collections.abc import Mapping

_SECTIONS = {
    "station": "Who the station is. The texts go into BootNotification; their lengths are those of OCPP.",
    "buses": "The wires, each under a name of your choice, with its `type`. A relative serial port stands in the runtime directory.",
    "devices": (
        "What hangs on the wires, each under a name of your choice without a dot, with its `driver` and, where the driver needs one, its "
        "`bus`. Two devices may not share a port, a unit id, an outlet or a module address."
    ),
    "connectors": (
        "A list. `id`s run from 1 without gaps. All names are those of devices; a line of an I/O board is written `board.line`. A device "
        "belongs to one connector; only a reader and a board may serve several. `limits` say what cable and contactor can bear."
    ),
    "safety": (
        "The lines that open every contactor, and the times of the gate. They may be on several boards; when one of these cannot be read, "
        "every contactor opens. "
        "A line that is not named is not watched; `chargerd check` warns when there is no `estop`."
    ),
    "ocpp": "The way to the central system.",
    "policy": "What OCPP leaves to the maker of the station.",
    "timing": "How long each step may take, and how long a device may be silent.",
    "journal": "The database of everything that was decided. See [architecture.md](architecture.md#journal-and-restart).",
    "control": "Who may use `chargerctl`. See [control.md](control.md).",
    "sim": (
        "The simulated world behind wires, read by `chargerbench peers` only; a station with a bus of type `mock-plant` needs it not. "
        "`plant` takes the same keys as that bus."
    ),
}

_STATION = {
    "StationSection.id": "The name the central system knows, and the last part of the URL; 48 characters.",
    "StationSection.vendor": "chargePointVendor; 20 characters.",
    "StationSection.model": "chargePointModel; 20 characters.",
    "StationSection.serial_number": "chargePointSerialNumber; 25 characters, in quotes when it is all digits.",
    "StationSection.charge_box_serial_number": "chargeBoxSerialNumber; 25 characters.",
    "StationSection.firmware_version": "firmwareVersion; 50 characters. The default is the version of chargerd.",
    "StationSection.iccid": "Of the modem's SIM card; 20 characters.",
    "StationSection.imsi": "Of the modem's SIM card; 20 characters.",
    "StationSection.meter_type": "meterType; 25 characters.",
    "StationSection.meter_serial_number": "meterSerialNumber; 25 characters.",
    "StationSection.communication": "By which ways the station can reach the central system; told in its PICS, nothing else.",
    "StationSection.max_power_w": "What the supply allows for all connectors together; sessions share it as `policy.sharing` says.",
}

_BUSES = {
    "CanOptions.channel": "`can0` (socketcan), a multicast group (udp_multicast), a serial port (slcan), any name (virtual).",
    "CanOptions.bitrate": "slcan only. The rate of a socketcan interface is set by the system.",
    "CanOptions.tty_baudrate": "Of the serial port; slcan only.",
    "CanOptions.port": "UDP port; udp_multicast only.",
    "ModbusOptions.port": "Serial port (modbus-rtu) or TCP port (modbus-tcp).",
    "ModbusOptions.host": "modbus-tcp only.",
    "ModbusOptions.baudrate": "modbus-rtu only.",
    "ModbusOptions.parity": "modbus-rtu only.",
    "ModbusOptions.stopbits": "modbus-rtu only.",
    "ModbusOptions.timeout_s": "Longest wait for an answer.",
    "ModbusOptions.pause_s": "Quiet before each request.",
    "ModbusOptions.settle_s": "Quiet after a missing answer; one that comes late is thrown away.",
    "ModbusOptions.retries": "How often a request without an answer is repeated.",
    "ModbusOptions.reopen_s": "Pause before a lost port or connection is opened again.",
    "PlantOptions.outlets": "How many outlets the simulated station has.",
    "PlantOptions.kind": "What all its outlets give. On DC `modules` and `handshake` count, on AC `supply` and `mode3`.",
    "PlantOptions.speed": "Simulated seconds per second.",
    "PlantOptions.register_file": "Meter registers that outlive the process, in the state directory; null keeps them in memory.",
    "PlantOptions.freeze_meter": "The meters do not count.",
    "ModuleLimits.modules": "Power modules at each outlet.",
    "ModuleLimits.max_voltage_v": "Of the modules of one outlet.",
    "ModuleLimits.max_current_a": "Of all modules of one outlet together.",
    "ModuleLimits.max_power_w": "Of all modules of one outlet together.",
    "ModuleLimits.voltage_rise_v_per_s": "How fast their voltage rises; it falls as fast as the output is discharged.",
    "ModuleLimits.current_rise_a_per_s": "How fast their current follows a higher set-point.",
    "ModuleLimits.current_fall_a_per_s": "How fast it follows a lower one; switched off, they give nothing at once.",
    "AdapterOptions.port": "Serial port of the peers' own end of a wire to a real controller. NAME: the bus or device. See testing.md.",
    "AdapterOptions.channel": "Channel of the CAN adapter, of the kind the bus has.",
    "AdapterOptions.baudrate": "Of the serial port.",
    "AdapterOptions.parity": "Of the serial port.",
    "AdapterOptions.stopbits": "Of the serial port.",
    "AcSupply.phases": "Of the mains at each outlet.",
    "AcSupply.voltage_v": "From each phase to neutral.",
    "AcSupply.is_socket": "The cable can be taken away; else it is fixed.",
    "Mode3.ready_s": "From the offer of current on the pilot to state C.",
    "Mode3.stop_s": "From the end of the offer to state B.",
    "Handshake.plug_s": "From plugging in to control pilot B.",
    "Handshake.handshake_s": "SLAC, session set-up, service selection.",
    "Handshake.authorization_s": "From the station's permission to the next step.",
    "Handshake.parameters_s": "Exchange of limits.",
    "Handshake.cable_check_s": "Insulation test, once the test voltage stands.",
    "Handshake.precharge_s": "Precharge, once the voltage stands.",
    "Handshake.ready_s": "Between precharge and the first current request.",
    "Handshake.stopping_s": "From the stop to the current being zero.",
    "Handshake.welding_detection_s": "Welding detection after the stop.",
    "Handshake.wake_s": "From being woken over the pilot to a new dialogue, where the first one is over.",
    "Handshake.authorization_patience_s": "How long the vehicle waits for permission, in real seconds.",
    "Handshake.cable_check_patience_s": "How long it waits for the cable check, in real seconds.",
    "Handshake.precharge_patience_s": "How long it waits for the precharge, in real seconds.",
    "Handshake.stopping_patience_s": "How long it waits for the current to fall, in real seconds.",
    "Handshake.cable_check_voltage_v": "Highest test voltage it asks for.",
}

_DEVICES = {
    "ModbusMeterOptions.model": "A register map: the name of a file of `hal/meter/models/` without `.yaml`.",
    "ModbusMeterOptions.unit": "Modbus unit id.",
    "ModbusMeterOptions.poll_interval_s": "Time between readings.",
    "ModbusMeterOptions.energy_unit_wh": "Wh of one count of the energy registers, where the model leaves it open: see the display.",
    "ModbusMeterOptions.max_power_w": "Bounds how far the register can move between two readings; more is believed when told three times.",
    "ModbusMeterOptions.function": "Function code of the requests, instead of the model's.",
    "ModbusMeterOptions.is_reversed": "The meter is wired so that what goes into the vehicle is export to it.",
    "ModuleOptions.addresses": "Addresses of this connector's modules; or `group` and `modules`.",
    "ModuleOptions.group": "The group this connector's modules are set to: they are looked for. Needs `modules`, instead of `addresses`.",
    "ModuleOptions.modules": "How many modules the group should have; fewer is the fault `module-missing`.",
    "ModuleOptions.poll_s": "Time between questions to the modules.",
    "ModuleOptions.refresh_s": "Time between repetitions of the set-point.",
    "ModuleOptions.silence_s": "A module silent for so long is missing; all of them silent: the device is lost.",
    "ModuleOptions.time_to_live_s": "A set-point the daemon does not renew for so long becomes off.",
    "ModuleOptions.cut_off_s": "After so long without a controller a module is off; until then no other gets the share of a silent one.",
    "InfypowerBegOptions.has_walk_in": "Raise the output slowly after switching on; absent: as the module is set.",
    "Protocol060Options.variant": "Whose modules. SCU ones speak a dialect and have two voltage ranges.",
    "Protocol060Options.max_voltage_v": "Of one module: it cannot be asked.",
    "Protocol060Options.max_current_a": "Of one module; of `scu` only, the others tell it.",
    "Protocol060Options.max_power_w": "Of one module; of `scu` only, the others tell it.",
    "UuGreenPowerOptions.max_voltage_v": "Of one module: it cannot be asked.",
    "UuGreenPowerOptions.max_current_a": "Of one module, until it has told it.",
    "UuGreenPowerOptions.max_power_w": "Of one module: it cannot be asked. UR100030: 30000, UR100040: 40000.",
    "UuGreenPowerOptions.message_group": "Group in the first byte of each message; 1 where modules do not answer to 0.",
    "AdvanticsOptions.outlet": "Number of the outlet in the controller's CAN identifiers.",
    "AdvanticsOptions.test_current_a": "In cable check and precharge, where the controller leaves the current to us.",
    "AdvanticsOptions.silence_s": "A controller silent for so long is lost.",
    "AdvanticsOptions.time_to_live_s": "What the daemon does not renew for so long becomes the safe level.",
    "BenderOptions.unit": "Address on the line.",
    "BenderOptions.poll_interval_s": "Between two readings.",
    "BenderOptions.alarm_ohm": "Below it the output is unsafe.",
    "BenderOptions.self_test": "Whether the device tests itself each time it is found.",
    "PilotBoardOptions.port": "Serial port.",
    "PilotBoardOptions.is_socket": "The cable is the driver's own: its plug and its coding are read. Else the cable is fixed.",
    "PilotBoardOptions.contactors": "What the line `k1` switches: the board's first contactor, or both together.",
    "PilotBoardOptions.silence_s": "A board silent for so long is lost.",
    "PilotBoardOptions.time_to_live_s": "What the daemon does not renew for so long becomes the safe level: nothing is offered.",
    "GpioOptions.factory": "How lines are reached: `lgpio` on a Raspberry Pi, `gpiod` on any board, `mock` in memory.",
    "GpioOptions.chip": "gpiod only: the chip by its label or path. Without it, names are looked up on all chips.",
    "GpioOptions.mirror": "Unix socket of the simulated world that drives the pins; with `factory: mock` only.",
    "LockOptions.pulse_s": "Longest pulse of the motor; it ends sooner at the end switch.",
    "LockOptions.pause_pulses": "How long the motor rests after a pulse, in lengths of that pulse.",
    "LockOptions.feedback_s": "How long after a pulse the end switch may come.",
    "LockOptions.retries": "Further pulses where the first one did not do; `timing.lock_s` must leave time for those that are to count.",
    "LightCode.colours": (
        "Lit together for this state; none: dark. A colour without an LED is mixed: white of red, green and blue, yellow of red and green."
    ),
    "LightCode.blink": (
        "`slow`: 1 s on, 1 s off; `fast`: 0.25 s on, 0.25 s off; `flash`: 0.25 s on, 1.75 s off; `pulse`: 1.5 s on, 0.5 s off."
    ),
    "GpioOptions.poll_s": (
        "Time between looks at insulation monitors, and at end switches that do not tell by themselves. Safety lines are watched, or read "
        "at the gate's own pace."
    ),
    "LineOptions.number": "BCM number on a Raspberry Pi; with gpiod the offset on the chip.",
    "LineOptions.name": "gpiod only: the line by the name the kernel has for it, instead of the number.",
    "LineOptions.direction": (
        "`out` for coils, motors and LEDs, else `in`. A line named like a coil with `_feedback` is its auxiliary contact."
    ),
    "LineOptions.active_low": "The line means yes when it is low.",
    "LineOptions.pull": "Resistor of an input.",
    "LineOptions.debounce_s": (
        "How long a change of an input must last to count; without it 30 ms for door and temperature switch, 20 ms for feedback and mains, "
        "5 ms for emergency stop and residual current, which count at once when they become active."
    ),
    "LineOptions.drive": "Kind of driver of an output; gpiod only.",
    "OutletOptions.connector": "Outlet of the plant.",
    "OutletOptions.silence_s": "How long a device that was told to be silent tries before it says so.",
    "MeterOptions.measures": "Registers it has beside import, power, voltage and current.",
    "ReaderOptions.silence_s": "How long a reader that was told to be silent tries before it says so.",
    "PowerOptions.cut_off_s": "The simulated modules are off so long after the last word that was said to them.",
    "DrivenOptions.ttl_s": "A level that is not renewed for so long becomes the safe one.",
    "InsulationOptions.alarm_ohm": "Below it the verdict is unsafe; 100 kohm by IEC 61851-23.",
}

_READERS = {
    "CardOptions.port": "Serial port; `/dev/serial/by-id/...` stays the same when the adapter is put back.",
    "CardOptions.byte_order": "Of the UID in the id tag.",
    "CardOptions.format": "Of the UID in the id tag. `decimal` has the leading zeros that are printed on cards.",
    "CardOptions.letter_case": "Of the hexadecimal digits of the UID. OCPP compares id tags without it, not every central system does.",
    "CardOptions.prefix": "Text before the UID in the id tag; at most 12 characters.",
    "CardOptions.absence_s": "A card away for so long and back counts as put there again.",
    "Pn532Options.baudrate": "Of the serial port.",
    "Pn532Options.ack_timeout_s": "Longest wait for the reader's acknowledgement.",
    "Pn532Options.answer_timeout_s": "Longest wait for the reader's answer.",
    "Pn532Options.poll_interval_s": "Time between looks at a card that rests on the reader.",
    "Pn532Options.relist_s": "The command to wait for a card is given anew so often, which shows that the reader hears.",
    "Rdm6300Options.baudrate": "Of the serial port.",
    "Rdm6300Options.with_version": "The version or customer code of the card is the first byte of a UID of five bytes.",
    "Twn4Options.baudrate": "Of the serial port; a reader on USB does not care.",
    "Twn4Options.low_frequency": "Kinds of 125 kHz card that are looked for, a bit mask; without it the reader's own choice.",
    "Twn4Options.high_frequency": "Kinds of 13.56 MHz card that are looked for, a bit mask; both masks or none.",
    "Twn4Options.answer_timeout_s": "Longest wait for the reader's answer.",
    "Twn4Options.poll_interval_s": "Time between two questions for a card.",
    "LineReaderOptions.baudrate": "Of the serial port; a reader on USB does not care.",
    "LineReaderOptions.pattern": "Regular expression of a whole line (without spaces, STX and ETX at its ends), with a group `uid`.",
    "LineReaderOptions.uid_base": "How the reader writes the UID.",
    "LineReaderOptions.uid_size": "Bytes of a UID that is written as a decimal number.",
    "LineReaderOptions.ended_by": "`line`: CR, LF or both; `pause`: the reader ends nothing and stays quiet after a card.",
    "LineReaderOptions.pause_s": "How long it stays quiet; with `ended_by: pause` only.",
}

_CONNECTORS = {
    "_ConnectorSection.id": "connectorId.",
    "_ConnectorSection.type": "`cCCS2`: DC cable; `cType2`: AC cable; `sType2`: AC socket.",
    "_ConnectorSection.secc": "What talks to the vehicle: a CCS controller, on AC a control pilot board.",
    "_ConnectorSection.power": "The power modules. Required on DC, absent on AC.",
    "_ConnectorSection.meter": "The energy meter.",
    "_ConnectorSection.contactor": "Line of the contactor's coil, such as `io.k1`.",
    "_ConnectorSection.module_enable": (
        "Line without which the connector's modules give nothing; DC only. When the daemon is lost, the gate drops it before it opens the"
        " contactor, which else opens under load."
    ),
    "_ConnectorSection.residual_current": "Line of the connector's residual-current device; active: tripped. Latches until it is cleared.",
    "_ConnectorSection.over_temperature": "Line of a temperature switch at the connector; active: too hot.",
    "_ConnectorSection.insulation": "An insulation monitor, or the line of one that says yes or no. Required on DC, absent on AC.",
    "_ConnectorSection.reader": "The card reader.",
    "_ConnectorSection.lock": (
        "A lock of the station's own (sockets): a device, or a part of a board such as `io.lock1` with the lines `lock1_lock`, "
        "`lock1_unlock`, `lock1_locked` and perhaps `lock1_unlocked`."
    ),
    "_ConnectorSection.indicator": (
        "A light, a part of a board such as `io.led1` with one or more of the lines `led1_green`, `led1_blue`, `led1_white`, "
        "`led1_yellow`, `led1_red`."
    ),
    "ConnectorSettings.min_voltage_v": "The lowest voltage the vehicle is told that it can have; DC only.",
    "ConnectorSettings.max_voltage_v": "Never more than this at the output; DC only.",
    "ConnectorSettings.max_current_a": "Never more than this into the vehicle. On AC in each phase, from 6 to 80 A, and required.",
    "ConnectorSettings.max_power_w": "Never more than this into the vehicle, in all phases together.",
    "ConnectorSettings.phases": "AC only.",
    "ConnectorSettings.nominal_voltage_v": "AC only: of each phase to neutral. Amperes become watts by it, not by what is measured.",
    "ConnectorSettings.cable_check_current_a": "Current limit in cable check and precharge; DC only.",
    "ConnectorSettings.open_below_current_a": "An ordinary stop opens the contactor below this current.",
    "ConnectorSettings.safe_voltage_v": "The cable is released below this voltage at the output; DC only.",
    "ConnectorSettings.module_test_voltage_v": (
        "What the modules give in their self-test, behind the open contactor; higher only where they cannot give so little. DC only."
    ),
    "ConnectorSettings.share_weight": "What a session here counts where the station's power is shared by weight.",
    "Derating.full_c": "All of the current up to this temperature of the connector; also where a stop for heat is over.",
    "Derating.reduced_c": "From `full_c` on the current falls in a straight line down to `reduced_percent` here, and stays there.",
    "Derating.reduced_percent": "Of `max_current_a`; also where the sensor cannot be trusted.",
    "Derating.stop_c": "The session is stopped here.",
    "Derating.sensor_min_c": "A sensor that tells less is broken.",
    "Derating.sensor_max_c": "A sensor that tells more is broken.",
    "Derating.sensor_jump_k_per_s": "A sensor that changes faster is broken.",
    "SafetySection.estop": "Line of the emergency stop.",
    "SafetySection.door": "Line of the door switch.",
    "SafetySection.mains": "Line of the mains monitor.",
    "SafetySection.guard": (
        "Where the gate runs: `process` in `chargerd-guard`, which opens the contactors when this daemon is killed or hangs; `inside` in"
        " the daemon. `auto`: a process wherever lines are real; simulated ones are inside."
    ),
    "SafetySection.guard_socket": "Socket of the guard; a relative one stands in the runtime directory of daemon and guard alike.",
    "GateOptions.lease_s": "With a contactor wished closed, the daemon must prove to be alive this often.",
    "GateOptions.tick_s": "How often the lines are read then, where the board does not tell by itself.",
    "GateOptions.close_s": "Coil on: the auxiliary contact must close within this time.",
    "GateOptions.shed_s": "With the daemon lost and the modules disabled, the contactor opens after this time.",
    "GateOptions.open_s": "Coil off: the auxiliary contact must open within this time.",
}

_OCPP = {
    "_SecuritySection.security_profile": "0: plain WebSocket without a password. For a private network only.",
    "OcppOptions.url": "`ws://host:port/path`; the station's `id` is added.",
    "OcppOptions.backoff_minimum_s": "Part of each wait before a redial that does not change.",
    "OcppOptions.backoff_range_s": "Random part of the first wait; doubles with each further one.",
    "OcppOptions.backoff_maximum_s": "Longest wait.",
    "OcppOptions.boot_retry_s": "Before the next BootNotification, where the central system names no interval.",
    "OcppOptions.open_timeout_s": "Longest dial.",
    "OcppOptions.close_timeout_s": "Longest polite end of a connection.",
    "OcppOptions.unlock_timeout_s": "Then UnlockConnector is answered UnlockFailed.",
    "OcppOptions.max_message_bytes": "A longer message ends the connection.",
    "OcppOptions.max_unanswered_calls": "So many in a row, and the connection is given up.",
    "OcppOptions.get_configuration_max_keys": "GetConfigurationMaxKeys.",
    "OcppOptions.stop_transaction_max_bytes": "Longest transactionData; beyond, readings between the first and the last are thinned out.",
    "OcppOptions.charge_profile_max_stack_level": "Highest level of a charging profile.",
    "OcppOptions.charging_schedule_max_periods": "Most periods in a charging schedule.",
    "OcppOptions.max_charging_profiles_installed": "Most charging profiles at a time.",
    "OcppOptions.charging_rate_units": "Units of charging profiles; the first one is told where the central system asks for none.",
    "OcppOptions.absolute_start_now": "An absolute schedule without startSchedule begins when it comes; else it is Rejected.",
    "OcppOptions.composite_start_schedule": "GetCompositeSchedule tells startSchedule too (errata 3.57 leaves it out).",
    "OcppOptions.local_auth_list_max_length": "Most tokens in the local list.",
    "OcppOptions.send_local_list_max_length": "Most tokens in one SendLocalList.",
    "OcppOptions.stop_transaction_max_meter_values": "Most readings in transactionData of StopTransaction.",
    "OcppOptions.meter_values_list_max_length": "Longest list of measurands for MeterValues; null: as many as are measured.",
    "OcppOptions.stop_txn_list_max_length": "The same for StopTransaction.",
    "OcppOptions.sampled_measurands": (
        "Measurands the station declares for its samples, by their OCPP names; null: what its devices measure. What is declared and has no "
        "value, such as SoC without a vehicle that tells it, is left out of a sample."
    ),
    "OcppOptions.aligned_measurands": "The same for clock-aligned readings; null: as sampled.",
    "Features.authorization_cache": "AuthorizationCacheEnabled; without it ClearCache is refused.",
    "Features.offline_unknown_ids": "AllowOfflineTxForUnknownId.",
    "Features.max_energy_on_invalid_id": "MaxEnergyOnInvalidId.",
    "Features.minimum_status_duration": "MinimumStatusDuration.",
    "Features.reservation": "The profile Reservation; without it every ReserveNow is Rejected.",
    "Features.reserve_connector_zero": "ReserveNow for connector 0: any connector of the station is kept free.",
    "Features.smart_charging": "The profile Smart Charging; without it charging profiles are not supported.",
    "Features.remote_trigger": "The profile Remote Trigger; without it TriggerMessage is not supported.",
    "Features.local_auth_list": "The profile Local Auth List Management; without it the version is -1 and no list is taken.",
    "OcppOptions.absent_keys": "Optional OCPP keys without a feature that this product does not show.",
    "OcppOptions.read_only_keys": "OCPP keys of the product's choice that the central system may only read; the technician may set them.",
    "OcppOptions.keys": "Factory values of OCPP keys by name. What is changed later is kept in the journal and wins.",
    "Policy.transaction_start_point": "A transaction begins with card and cable, with the closed contactor, or with the current.",
    "Policy.sharing": (
        "How sessions share the station's power where it is too little: in equal parts; who began first all it can use; or by the weight "
        "of the connectors. What one leaves alone goes to the others. Nobody gets less than a session needs, but perhaps nothing: then who "
        "began last waits (SuspendedEVSE)."
    ),
    "Ceiling.max_current_a": (
        "For each connector, on AC for each of its phases. `offline` holds while the central system has not accepted the station, "
        "`unprofiled` where it has set no charging profile. Less than can be given is a pause."
    ),
    "Ceiling.max_power_w": "The same in power, on AC of all phases.",
    "Policy.on_reset": "What an OCPP Reset does: end the process, for the service manager to start it again, or replace it by a new one.",
    "Policy.charge_before_first_acceptance": "Charge by the offline rules although no central system has ever accepted this station.",
    "Policy.remote_start_without_connector": "RemoteStartTransaction without connectorId: refuse; the first free one; a plugged one first.",
}

_TIMING = {
    "Timing.authorization_s": "Wait for the answer to Authorize; then the offline rules hold.",
    "Timing.lock_s": "A connector lock to reach its position.",
    "Timing.handshake_s": "From locking to the cable check (DIN 70121 ready-to-charge time).",
    "Timing.cable_check_s": "The vehicle gives up at 40 s.",
    "Timing.precharge_s": "The vehicle gives up at 7 s.",
    "Timing.delivery_start_s": "From precharge to the first current request; longer for vehicles that begin later.",
    "Timing.pause_in_loop_s": "DC: zero current in the loop in a pause of the station; then the vehicle sleeps, and is woken. 0: at once.",
    "Timing.wake_s": "DC: for a sleeping vehicle to answer the pilot; then the session ends with reason Other.",
    "Timing.mode3_ready_s": "AC: from the offer of current to the vehicle asking; then it shows SuspendedEV, and may still ask.",
    "Timing.mode3_asleep_s": "AC: from SuspendedEV on, with a fresh card; then the vehicle is woken, once in a session.",
    "Timing.mode3_wake_s": "AC: so long the offer is taken back to wake a vehicle.",
    "Timing.mode3_stop_s": "AC: from the end of the offer to the contactor opening under what the vehicle still draws.",
    "Timing.ramp_down_s": "DC: current to fall in an ordinary stop; then the contactor opens under what is left.",
    "Timing.power_loss_s": "The same while mains are gone; less than the hold-up time of the controller's supply.",
    "Timing.opening_s": "Contactor seen open, output discharged, register read; then a fault says what is wrong.",
    "Timing.stale_s": "Silence of a device in a session before it counts as lost.",
    "Timing.meter_stale_s": "The same for the meter.",
    "Timing.restart_s": "After a reset: a process that is still here is asked to restart again, ResetRetries times.",
    "Timing.recovery_s": "After a power cut: wait for the meter before the last register on disk is taken.",
    "Timing.mode3_follow_s": "AC: a vehicle may go by the offer before for so long, and that counts as taken (IEC 61851-1).",
    "Timing.share_idle_s": "A session that leaves a part of its share alone for so long leaves it to the others, until it wants more.",
    "Timing.checkpoint_s": "Longest time without the register on disk in a session.",
    "JournalOptions.path": "In the state directory.",
    "JournalOptions.full_sync_s": "A power cut loses at most the samples of so long. Starts and stops are never lost.",
    "JournalOptions.keep_days": "Older facts that are not owed are forgotten; starts and stops never.",
    "JournalOptions.max_facts": "Facts beyond that are not owed are forgotten; starts and stops never.",
    "JournalOptions.max_owed": "Beyond, every second waiting MeterValues is given up, marked in the journal; a start or a stop never is.",
    "JournalOptions.max_cached_tokens": "Entries of the authorisation cache.",
    "ControlSection.socket": "In the runtime directory.",
    "ControlSection.read_group": "May look.",
    "ControlSection.change_group": "May look and change.",
    "SimSection.socket": "Where the peers answer `sim.*`; in the runtime directory.",
}

MEANINGS: Mapping[str, str] = _SECTIONS | _STATION | _BUSES | _DEVICES | _READERS | _CONNECTORS | _OCPP | _TIMING
