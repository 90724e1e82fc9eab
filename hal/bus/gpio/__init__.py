"""GPIO lines of one board by label, as logical values: 1 is active, whatever the voltage. The only user of gpiozero and gpiod."""

from hal.bus.gpio.lines import GpioLines as GpioLines
from hal.bus.gpio.options import FactoryName as FactoryName
from hal.bus.gpio.options import LineOptions as LineOptions
