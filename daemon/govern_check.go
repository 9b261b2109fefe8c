package daemon

import (
	"errors"
	"slices"
	"time"

	"github.com/a472be26/cusp/router"
)

// check also looks at a governor that is off: it may be switched on any time.
func (c GovernorConfig) check(at source) error {
	errs := []error{
		duration(at, "governor.dwell", c.Dwell, 0, time.Hour),
		duration(at, "governor.wait", c.Wait, 10*time.Millisecond, time.Hour),
		c.Warm.check(at, "governor.warm"), c.Hot.check(at, "governor.hot"), c.Saving.check(at),
	}
	if warm, hot := c.Warm.Enter, c.Hot.Enter; warm != 0 && hot != 0 && hot <= warm {
		errs = append(errs, at.errorf("governor.hot.enter", "%g is not above governor.warm.enter, which is %g; raise it, or write 0 for no such level", hot, warm))
	}
	if c.Enable && c.Warm.Enter == 0 && c.Hot.Enter == 0 && c.Saving.EnterWatts == 0 && c.Saving.EnterBattery == 0 {
		errs = append(errs, at.errorf("governor.enable", "the governor has no limit to keep; set one, such as governor.hot.enter"))
	}
	return errors.Join(errs...)
}

func (c HeatConfig) check(at source, table string) error {
	return errors.Join(c.ActConfig.check(at, table), gap(at, table+".enter", table+".leave", c.Enter, c.Leave, 150, "degrees Celsius"))
}

func (c SavingConfig) check(at source) error {
	const table = "governor.saving"
	errs := []error{c.ActConfig.check(at, table), gap(at, table+".enter_watts", table+".leave_watts", c.EnterWatts, c.LeaveWatts, 1e5, "watts")}
	switch {
	case c.EnterBattery == 0:
	case !(c.EnterBattery > 0 && c.EnterBattery < 100):
		errs = append(errs, at.errorf(table+".enter_battery", "%g is no charge to be low; write a number of percent between 0 and 100, or 0 if the battery does not matter", c.EnterBattery))
	case !(c.LeaveBattery > c.EnterBattery && c.LeaveBattery <= 100):
		errs = append(errs, at.errorf(table+".leave_battery", "%g must be above enter_battery, which is %g, and at most 100 percent", c.LeaveBattery, c.EnterBattery))
	}
	return errors.Join(errs...)
}

// gap wants the level to be left below the value at which it is entered.
func gap(at source, enterKey, leaveKey string, enter, leave, most float64, unit string) error {
	switch {
	case enter == 0:
		return nil
	case !(enter > 0 && enter <= most):
		return at.errorf(enterKey, "%g is out of range; write %s up to %g, or 0 for no such limit", enter, unit, most)
	case !(leave > 0 && leave < enter):
		return at.errorf(leaveKey, "%g must be above 0 and below what enters the level, %g %s", leave, enter, unit)
	}
	return nil
}

func (c ActConfig) check(at source, table string) error {
	err := within(at, table+".threads", int64(c.Threads), 0, 1024)
	if !slices.Contains(router.Preferences(), c.Prefer) {
		err = errors.Join(err, at.errorf(table+".prefer", "%q is no preference; write \"local\", \"balanced\" or \"cloud\"", c.Prefer))
	}
	return err
}
