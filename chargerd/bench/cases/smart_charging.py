"""Smart Charging.

Numbers, names and figures are those of the OCTT 1.6 test case document (OCA); the wording is ours.
"""

from __future__ import annotations

from functools import partial

from chargerd.bench import case as cases
from chargerd.bench.charging_profiles import DEFAULT, MAXIMUM, OF_TRANSACTION, RELATIVE, Composite, Profile, Steps
from chargerd.bench.parameters import CONNECTOR, NOBODYS_NUMBER, TAG
from chargerd.bench.product import SEVERAL_PROFILES, SMART_CHARGING
from chargerd.bench.states import charging
from chargerd.bench.verdict import require
from chargerd.bench.workbench import CALLERROR, Workbench
from chargerd.ocpp.rpc import Payload

case = partial(cases.case, profile="SmartCharging")

STATION = 0
"""Where the maximum of the whole station is set."""

ASKED_S, LASTING_S = 300, 400
"""How far ahead is asked, and how long a schedule lasts that outlasts the question."""

ONE_STEP: Steps = ((0, 6),)
UNSUITABLE = ("Rejected", f"{CALLERROR}:PropertyConstraintViolation")


class Schedules:
    """The charging schedules of one case. All begin at one time, a little in the past, and have one unit."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._began_utc_s = bench.utc_s - bench.parameters.deviation_s
        units = bench.product.rate_units
        self._unit = units[0] if units and bench.parameters.rate_unit not in units else bench.parameters.rate_unit

    def payload(self, profile: Profile) -> Payload:
        """The profile as it is sent."""
        return profile.payload(self._unit, self._began_utc_s)

    async def set(self, profile: Profile, *allowed: str, connector: int = CONNECTOR) -> None:
        """Install a profile; the answer must be one of these, as for `Workbench.order`."""
        await self._bench.order("SetChargingProfile", {"connectorId": connector, "csChargingProfiles": self.payload(profile)}, *allowed)

    async def composite(self, duration_s: int) -> Composite:
        """What the station says that holds at the connector under test for so long from now on."""
        bench = self._bench
        asked = {"connectorId": CONNECTOR, "duration": duration_s, "chargingRateUnit": self._unit}
        answer = (await bench.order("GetCompositeSchedule", asked)).payload
        found = Composite.of(answer, CONNECTOR, duration_s, self._unit)
        beside_s = found.start_utc_s - bench.utc_s
        require(abs(beside_s) <= bench.parameters.deviation_s, f"a composite schedule that begins {beside_s:+.1f} s from now")
        return found

    async def come_to(self, *figures: tuple[float, float], asked_s: int = ASKED_S) -> None:
        """A while later the station says that these figures hold, told by the time since the schedules began."""
        await self._bench.wait(self._bench.parameters.later_s)
        (await self.composite(asked_s)).check(figures, self._began_utc_s)


def _default(number: int = 1, steps: Steps = ONE_STEP, *, level: int = 0, duration_s: int = LASTING_S) -> Profile:
    return Profile(number=number, purpose=DEFAULT, steps=steps, duration_s=duration_s, level=level)


def _of_transaction(transaction: int | None, steps: Steps = ONE_STEP, *, number: int = 1, duration_s: int = LASTING_S) -> Profile:
    return Profile(number=number, purpose=OF_TRANSACTION, steps=steps, duration_s=duration_s, transaction=transaction)


# --- one profile ---------------------------------------------------------------------------------------------------------------------


@case("TC_056_CS", "TxDefaultProfile", SMART_CHARGING)
async def tc_056(bench: Workbench) -> None:
    """A default for transactions is accepted, and is what the composite schedule tells."""
    schedules = Schedules(bench)
    await schedules.set(_default())
    await schedules.come_to(*ONE_STEP)


@case("TC_057_CS", "TxProfile", SMART_CHARGING)
async def tc_057(bench: Workbench) -> None:
    """The same for the profile of a transaction that runs."""
    await charging(bench)
    schedules = Schedules(bench)
    await schedules.set(_of_transaction(bench.transaction))
    await schedules.come_to(*ONE_STEP)


@case("TC_058_1_CS", "TxProfile, no transaction", SMART_CHARGING)
async def tc_058_1(bench: Workbench) -> None:
    """The profile of a transaction is refused where none runs."""
    await Schedules(bench).set(_of_transaction(None), *UNSUITABLE)


@case("TC_058_2_CS", "TxProfile, wrong transactionId", SMART_CHARGING)
async def tc_058_2(bench: Workbench) -> None:
    """The profile of another transaction than the one that runs is refused."""
    await charging(bench)
    await Schedules(bench).set(_of_transaction(NOBODYS_NUMBER), "Rejected")


@case("TC_082_CS", "TxDefaultProfile in a transaction", SMART_CHARGING)
async def tc_082(bench: Workbench) -> None:
    """A default that comes while a transaction runs holds for this one too."""
    await charging(bench)
    schedules = Schedules(bench)
    await schedules.set(_default())
    await schedules.come_to(*ONE_STEP)


# --- several profiles ----------------------------------------------------------------------------------------------------------------


@case("TC_066_CS", "Composite schedule", SMART_CHARGING & SEVERAL_PROFILES)
async def tc_066(bench: Workbench) -> None:
    """The transaction's own profile rules out the default, also when it is over; the maximum of the station bounds both."""
    await charging(bench)
    schedules = Schedules(bench)
    await schedules.set(Profile(number=1, purpose=MAXIMUM, steps=((0, 10),), duration_s=86_400), connector=STATION)
    await schedules.set(_default(2, ((0, 6), (60, 10), (120, 8), (180, 15), (260, 8)), duration_s=300))
    own = _of_transaction(bench.transaction, ((0, 8), (50, 11), (140, 16), (200, 6), (240, 12)), number=3, duration_s=260)
    await schedules.set(own)
    await schedules.come_to((0, 8), (50, 10), (200, 6), (240, 10), asked_s=400)


@case("TC_067_CS", "Clear charging profile", SMART_CHARGING)
async def tc_067(bench: Workbench) -> None:
    """Profiles are cleared by id, by purpose and level, and all at once; what is left holds, in the end the station's own limit."""
    schedules = Schedules(bench)
    own = await schedules.composite(350)
    await schedules.set(_default(1, ((0, 6), (60, 8), (200, 10)), level=1))
    await schedules.set(_default(2, ((0, 7), (100, 9))))
    await schedules.set(Profile(number=3, purpose=MAXIMUM, steps=((0, 11), (200, 12)), duration_s=None), connector=STATION)
    await _clear(bench, id=1)
    await schedules.come_to((0, 7), (100, 9), asked_s=350)
    await _clear(bench, chargingProfilePurpose=DEFAULT, stackLevel=0)
    await schedules.come_to((0, 11), (200, 12), asked_s=350)
    await _clear(bench)
    left = await schedules.composite(350)
    require(left.steps == own.steps, f"without a profile the composite schedule is {left.steps}, and was {own.steps} before")


async def _clear(bench: Workbench, **fields: object) -> None:
    await bench.order("ClearChargingProfile", fields)


@case("TC_072_CS", "Stacked charging profiles", SMART_CHARGING)
async def tc_072(bench: Workbench) -> None:
    """The higher level holds until its schedule is over, and then the lower one."""
    schedules = Schedules(bench)
    await schedules.set(_default(1, ((0, 6), (100, 8), (200, 10))))
    await schedules.set(_default(2, ((0, 7), (100, 9)), level=1, duration_s=150))
    await schedules.come_to((0, 7), (100, 9), (150, 8), (200, 10), asked_s=350)


# --- remote start --------------------------------------------------------------------------------------------------------------------


@case("TC_059_CS", "Remote start with charging profile", SMART_CHARGING)
async def tc_059(bench: Workbench) -> None:
    """The profile in a remote start becomes that of the transaction."""
    schedules = Schedules(bench)
    profile = Profile(number=1, purpose=OF_TRANSACTION, steps=ONE_STEP, duration_s=LASTING_S, kind=RELATIVE)
    await charging(bench, profile=schedules.payload(profile))
    await schedules.come_to(*ONE_STEP)


@case("TC_060_CS", "Remote start with charging profile, rejected", SMART_CHARGING)
async def tc_060(bench: Workbench) -> None:
    """A remote start with a profile that is not one for transactions is refused, and nothing begins."""
    profile = Schedules(bench).payload(_default())
    await bench.order("RemoteStartTransaction", {"connectorId": CONNECTOR, "idTag": TAG, "chargingProfile": profile}, *UNSUITABLE)
    await bench.expect_nothing()
