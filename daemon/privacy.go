package daemon

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/privacy"
	"github.com/a472be26/cusp/router/record"
)

// PrivacyConfig says what must not leave the device, beside what its asker calls
// private.
type PrivacyConfig struct {
	Email   privacy.Mode   `toml:"email"`
	Phone   privacy.Mode   `toml:"phone"`
	Card    privacy.Mode   `toml:"card"`
	IBAN    privacy.Mode   `toml:"iban"`
	Address privacy.Mode   `toml:"address"`
	Name    privacy.Mode   `toml:"name"`
	ID      privacy.Mode   `toml:"id"`
	IP      privacy.Mode   `toml:"ip"`
	MAC     privacy.Mode   `toml:"mac"`
	GPS     privacy.Mode   `toml:"gps"`
	Secret  privacy.Mode   `toml:"secret"`
	MaxText int64          `toml:"max_text"` // bytes of a question that are searched
	Rules   []privacy.Rule `toml:"rule"`
}

func defaultPrivacy() PrivacyConfig {
	r := privacy.Redact
	return PrivacyConfig{r, r, r, r, r, r, r, r, r, r, r, privacy.DefaultMaxText, nil}
}

// modes are those of all categories.
func (c PrivacyConfig) modes() privacy.Modes {
	return privacy.Modes{
		privacy.Email: c.Email, privacy.Phone: c.Phone, privacy.Card: c.Card, privacy.IBAN: c.IBAN, privacy.Address: c.Address, privacy.Name: c.Name,
		privacy.ID: c.ID, privacy.IP: c.IP, privacy.MAC: c.MAC, privacy.GPS: c.GPS, privacy.Secret: c.Secret,
	}
}

func (c PrivacyConfig) check(at source) error {
	var errs []error
	for category, mode := range c.modes() {
		switch mode {
		case privacy.Redact, privacy.Keep, privacy.Allow:
		default:
			errs = append(errs, at.errorf("privacy."+string(category), "%q is no mode; write \"redact\", \"private\" or \"allow\"", mode))
		}
	}
	if _, err := privacy.New(privacy.Options{Rules: c.Rules}); err != nil {
		errs = append(errs, at.errorf("privacy.rule", "%v", err))
	}
	return errors.Join(append(errs, within(at, "privacy.max_text", c.MaxText, 1024, 16<<20))...)
}

// vaultMargin is how much longer than its question a mapping is kept, for an answer
// that comes at the last moment and waits for its asker.
const vaultMargin = time.Hour

// openGuard opens what stands between questions and everything that leaves the device
// or is kept of them.
func (d *device) openGuard() error {
	vault, err := privacy.OpenVault(filepath.Join(d.cfg.State.Dir, "vault"), d.cfg.Cloud.Expiry+vaultMargin)
	if err != nil {
		return err
	}
	c := d.cfg.Privacy
	d.guard, err = privacy.New(privacy.Options{Rules: c.Rules, Modes: c.modes(), MaxText: int(c.MaxText), Vault: vault, Log: d.log})
	return err
}

// Hidden is an entry as it may be kept: with placeholders, or without any text if
// they cannot be made.
func Hidden(g *privacy.Guard, e record.Entry) record.Entry {
	if g == nil || e.Question.Privacy != router.Public {
		return e // without texts anyway
	}
	q, a, local, err := g.Hidden(e.Question, router.Answer{Text: e.Answer, ToolCalls: e.ToolCalls}, e.LocalAnswer)
	if err != nil {
		return e.WithoutText()
	}
	e.Question, e.Answer, e.ToolCalls, e.LocalAnswer = q, a.Text, a.ToolCalls, local
	return e
}
