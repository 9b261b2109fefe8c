package daemon

import (
	"reflect"
	"slices"
	"sync"
	"time"
)

// live are the tables that change while the daemon runs; all others need a
// restart, as cusp.toml says at each.
var live = []string{"model", "log", "service", "rule", "budget"}

// settings are the configuration that holds, and what became of the one on disk.
type settings struct {
	mu  sync.Mutex // guards the fields below
	now Config
	ConfigStatus
}

// ConfigStatus says whether what holds is what lies on disk.
type ConfigStatus struct {
	Since   time.Time `json:"since"`                   // when what holds was taken
	Tried   time.Time `json:"tried,omitzero"`          // the last reload
	Error   string    `json:"error,omitempty"`         // why that reload changed nothing
	Restart []string  `json:"needs_restart,omitempty"` // keys whose new values wait for a restart
}

func newSettings(c Config) *settings {
	return &settings{now: c, ConfigStatus: ConfigStatus{Since: time.Now().UTC()}}
}

func (s *settings) config() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *settings) status() ConfigStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.ConfigStatus
	c.Restart = slices.Clone(c.Restart)
	return c
}

// take makes c hold. What file says otherwise waits for a restart.
func (s *settings) take(c, file Config) (restart []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = c
	t := time.Now().UTC()
	s.ConfigStatus = ConfigStatus{Since: t, Tried: t, Restart: changedKeys(c, file)}
	return s.Restart
}

// refuse keeps what holds and says why.
func (s *settings) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Tried, s.Error = time.Now().UTC(), err.Error()
}

// with is c with the live tables of next.
func (c Config) with(next Config) Config {
	out, in := reflect.ValueOf(&c).Elem(), reflect.ValueOf(next)
	for i := range out.NumField() {
		if slices.Contains(live, out.Type().Field(i).Tag.Get("toml")) {
			out.Field(i).Set(in.Field(i))
		}
	}
	return c
}

// changedKeys names the keys whose values differ, by table and key.
func changedKeys(a, b Config) []string {
	return differences("", reflect.ValueOf(a), reflect.ValueOf(b))
}

func differences(prefix string, a, b reflect.Value) (keys []string) {
	for i := range a.NumField() {
		f := a.Type().Field(i)
		x, y := a.Field(i), b.Field(i)
		switch {
		case reflect.DeepEqual(x.Interface(), y.Interface()):
		case f.Anonymous:
			keys = append(keys, differences(prefix, x, y)...)
		case f.Type.Kind() == reflect.Struct:
			keys = append(keys, differences(prefix+f.Tag.Get("toml")+".", x, y)...)
		default:
			keys = append(keys, prefix+f.Tag.Get("toml"))
		}
	}
	return keys
}
