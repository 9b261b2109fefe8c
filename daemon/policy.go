package daemon

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/budget"
	"github.com/a472be26/cusp/router/forecast"
	"github.com/a472be26/cusp/router/policy"
)

// BudgetConfig is the most that answers may cost; 0 is no limit.
type BudgetConfig struct {
	MoneyHour  float64       `toml:"money_hour"` // USD
	MoneyDay   float64       `toml:"money_day"`
	AskCost    float64       `toml:"ask_cost"`   // USD that a question is taken to cost until its price is known
	BytesHour  int64         `toml:"bytes_hour"` // up and down
	BytesDay   int64         `toml:"bytes_day"`
	JoulesHour float64       `toml:"joules_hour"`
	JoulesDay  float64       `toml:"joules_day"`
	WaitHour   time.Duration `toml:"wait_hour"` // for the cloud
	WaitDay    time.Duration `toml:"wait_day"`
}

// EarlyConfig says when the cloud is asked while the local model still works.
type EarlyConfig struct {
	Doubt float64       `toml:"doubt"` // predicted probability of doubt; 0: never for that
	Slow  time.Duration `toml:"slow"`  // predicted time of the local answer; 0: never for that
}

func (c BudgetConfig) check(at source) error {
	var errs []error
	for _, v := range []struct {
		key string
		v   float64
	}{{"money_hour", c.MoneyHour}, {"money_day", c.MoneyDay}, {"ask_cost", c.AskCost}, {"joules_hour", c.JoulesHour}, {"joules_day", c.JoulesDay}} {
		if !(v.v >= 0 && v.v <= 1e12) {
			errs = append(errs, at.errorf("budget."+v.key, "%g is no budget; write a number from 0, which is no limit, to 1e12", v.v))
		}
	}
	if (c.MoneyHour > 0 || c.MoneyDay > 0) && c.AskCost == 0 {
		errs = append(errs, at.errorf("budget.ask_cost", "a budget of money needs it: what is on its way has to count for something, and so has what has no price; write for example 0.01"))
	}
	return errors.Join(append(errs,
		within(at, "budget.bytes_hour", c.BytesHour, 0, 1<<50), within(at, "budget.bytes_day", c.BytesDay, 0, 1<<50),
		duration(at, "budget.wait_hour", c.WaitHour, 0, 1000*time.Hour), duration(at, "budget.wait_day", c.WaitDay, 0, 1000*time.Hour))...)
}

func (c EarlyConfig) check(at source) error {
	return errors.Join(fraction(at, "early.doubt", c.Doubt), duration(at, "early.slow", c.Slow, 0, time.Hour))
}

func (c BudgetConfig) budgets() budget.Budgets {
	return budget.Budgets{AskUSD: c.AskCost, Limits: map[budget.Quantity]budget.Limits{
		budget.Money: {Hour: c.MoneyHour, Day: c.MoneyDay}, budget.Bytes: {Hour: float64(c.BytesHour), Day: float64(c.BytesDay)},
		budget.Joules: {Hour: c.JoulesHour, Day: c.JoulesDay}, budget.Wait: {Hour: c.WaitHour.Seconds(), Day: c.WaitDay.Seconds()},
	}}
}

// checkRules names line, rule and key of all that is wrong.
func (c Config) checkRules(at source) error {
	var errs []error
	for _, p := range policy.Check(c.Rules) {
		where := at.Path
		if line := at.Member("rule", p.Index, p.Key); line > 0 {
			where = fmt.Sprintf("%s:%d", at.Path, line)
		}
		errs = append(errs, fmt.Errorf("%s: %w", where, p))
	}
	return errors.Join(errs...)
}

// openPolicy compiles the rules and takes up the counters of the budgets.
func (d *device) openPolicy() error {
	var err error
	if d.policy, err = policy.New(d.cfg.Rules, time.Now); err != nil {
		return err
	}
	d.budget, err = budget.Open(budget.Options{Budgets: d.cfg.Budget.budgets(), File: filepath.Join(d.cfg.State.Dir, "budget.json"), Log: d.log})
	if err != nil {
		d.log.Error(err.Error())
	}
	d.closing("budgets", d.budget.Close)
	return nil
}

// applyPolicy makes rules and budgets of a checked configuration hold.
func (d *device) applyPolicy(c Config) error {
	if err := d.policy.Set(c.Rules); err != nil {
		return err
	}
	d.budget.Set(c.Budget.budgets())
	return nil
}

// wish gives the router what the device's owner wants.
func (d *device) wish(r *router.Router) {
	r.Policy, r.Budget, r.Late = d.policy, d.budget, d.early
	if c := d.cfg.Early; c.Doubt > 0 || c.Slow > 0 {
		r.Forecast, r.EarlyStart = forecast.New(), router.EarlyStart{Doubt: c.Doubt, Slow: c.Slow}
	}
}

// early takes the answer to a question that was asked early, and that came when nobody
// wanted it any more.
func (d *device) early(q router.Question, c router.CloudAnswer) {
	go func() {
		if err := d.late(q, c, nil); err != nil {
			d.log.Warn("late answer was not delivered", "id", q.ID, "error", err)
		}
	}()
}

// unneeded tells whether a question was answered without the cloud, which was asked
// early. Where nobody knows, since nothing is recorded, it is taken for that: what may
// have been good is not corrected.
func (d *device) unneeded(before api.Entry) bool {
	if before.Receipt.ID == "" {
		return d.answers.records == nil
	}
	return before.Receipt.Route == router.RouteLocal
}

// budgetLine is the state of budgets for people: the fullest window of each, and first
// what is used up.
func budgetLine(uses []budget.Use) string {
	fullest := map[budget.Quantity]budget.Use{}
	var order []budget.Quantity
	for _, u := range uses {
		before, ok := fullest[u.Budget]
		if !ok {
			order = append(order, u.Budget)
		}
		if !ok || u.Spent && !before.Spent || u.Used/u.Limit > before.Used/before.Limit {
			fullest[u.Budget] = u
		}
	}
	var spent, left []string
	for _, q := range order {
		u := fullest[q]
		text := fmt.Sprintf("%s %s of %s %s/%s", q, amount(u.Used), amount(u.Limit), u.Unit, u.Window)
		if u.Spent {
			spent = append(spent, text)
		} else {
			left = append(left, text)
		}
	}
	if len(spent) > 0 {
		left = append([]string{"USED UP: " + strings.Join(spent, ", ")}, left...)
	}
	return strings.Join(left, "; ")
}

// amount is a quantity in three digits, or as many as its whole part has.
func amount(x float64) string {
	if x >= 1000 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}
