package daemon

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

// configured is a device whose configuration on disk can be changed.
type configured struct {
	*device
	t    *testing.T
	l    *fakeLoader
	mu   sync.Mutex
	disk Config
	err  error
}

func newConfigured(t *testing.T, cfg Config) *configured {
	t.Helper()
	c := &configured{t: t, l: &fakeLoader{}, disk: cfg}
	level := new(slog.LevelVar)
	c.device = newDevice(cfg, Options{loader: c.l, Level: level, Reload: func() (Config, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.disk, c.err
	}})
	if err := c.bringUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
		if c.l.open() != 0 || c.l.wrong.Load() != 0 {
			t.Errorf("%d models left open, %d wrong uses", c.l.open(), c.l.wrong.Load())
		}
	})
	return c
}

// hangup reloads with what change makes of the file.
func (c *configured) hangup(change func(*Config)) Status {
	c.t.Helper()
	c.mu.Lock()
	change(&c.disk)
	c.mu.Unlock()
	c.reload()
	return c.status()
}

func TestHangupAppliesTheLiveTables(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, testConfig(t))
	first := c.status()
	s := c.hangup(func(f *Config) {
		f.Log.Level, f.Service.Drain, f.Model.Threads = "debug", time.Second, 3
		f.Cloud.Broker, f.API.MaxBody = "tcp://127.0.0.1:1", 4096
	})
	now := c.config()
	if c.o.Level.Level() != slog.LevelDebug || now.Service.Drain != time.Second || now.Model.Threads != 3 {
		t.Errorf("config is %+v, level %v", now, c.o.Level.Level())
	}
	if s.Model.Swaps != 1 || !s.Model.Since.After(first.Model.Since) {
		t.Errorf("the model was not loaded again: %+v", s.Model)
	}
	if now.Cloud.Broker != "" || !reflect.DeepEqual(s.Config.Restart, []string{"api.max_body", "cloud.broker"}) || s.Config.Error != "" {
		t.Errorf("status %+v", s.Config)
	}
	if !strings.Contains(bare(s.Text()), bare("needs a restart: api.max_body, cloud.broker")) {
		t.Errorf("the status says nothing of it:\n%s", s.Text())
	}
	// Only what judges new models changes: nothing is loaded.
	s = c.hangup(func(f *Config) { f.Model.MinSpeed, f.Model.Canary.Share = 7, 0.5 })
	if s.Model.Swaps != 1 || c.models.how().Canary.Share != 0.5 {
		t.Errorf("status %+v", s.Model)
	}
}

// A configuration that is wrong anywhere, or under which the model cannot be
// loaded, changes nothing at all, and the status says why.
func TestHangupIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*configured){
		"broken file": func(c *configured) { c.err = errors.New("config: line 3: no") },
		"broken model": func(c *configured) {
			install(t, c.disk.Model.Dir+"2", "bad")
			c.disk.Model.Dir += "2"
		},
		"no place to watch": func(c *configured) { c.disk.Model.Dir = filepath.Join(os.DevNull, "models") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfigured(t, testConfig(t))
			before := c.config()
			serving := c.status().Model
			change(c)
			s := c.hangup(func(f *Config) { f.Log.Level, f.Service.Drain = "debug", time.Minute })
			if now := c.config(); !reflect.DeepEqual(now, before) || c.o.Level.Level() != slog.LevelInfo {
				t.Errorf("config changed to %+v, level %v", now, c.o.Level.Level())
			}
			if s.Config.Error == "" || s.Config.Tried.IsZero() || !strings.Contains(bare(s.Text()), bare("the old one stays: "+s.Config.Error)) {
				t.Errorf("status %+v", s.Config)
			}
			if !strings.Contains(c.summary(), "configuration on disk was refused") {
				t.Errorf("summary %q", c.summary())
			}
			if s.Model.Since != serving.Since {
				t.Errorf("another model serves: %+v", s.Model)
			}
			// A good one after it takes the error away.
			c.err = nil
			c.hangup(func(f *Config) { *f = before; f.Service.Drain = time.Second })
			if s := c.status(); s.Config.Error != "" || c.config().Service.Drain != time.Second {
				t.Errorf("after a good one: %+v", s.Config)
			}
		})
	}
}

// With another directory the watch moves too.
func TestHangupMovesTheWatch(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, testConfig(t))
	old, next := c.disk.Model.Dir, c.disk.Model.Dir+"2"
	install(t, next, "1.0")
	if s := c.hangup(func(f *Config) { f.Model.Dir = next }); s.Model.Version != "1.0" || s.Config.Error != "" {
		t.Fatalf("status %+v, %+v", s.Model, s.Config)
	}
	install(t, old, "9.9")
	install(t, next, "1.1")
	until(t, "the update", func() bool { return c.status().Model.Version == "1.1" })
}

// The candidate that the old setup refused is tried again by a new one.
func TestHangupTriesARefusedModelAgain(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, testConfig(t))
	install(t, c.disk.Model.Dir, "bad")
	until(t, "the refusal", func() bool { return c.status().Refusal != nil })
	refused := results(c.models)[RefusedLoad]
	s := c.hangup(func(f *Config) { f.Model.Threads = 2 })
	if s.Config.Error != "" || c.config().Model.Threads != 2 || s.Model.File != "built-in" {
		t.Errorf("a model refused before blocks the configuration: %+v, %+v", s.Config, s.Model)
	}
	if s.Refusal == nil || results(c.models)[RefusedLoad] <= refused {
		t.Errorf("it was not tried again: %+v", results(c.models))
	}
}

// A models directory that is deleted takes nothing away: what serves keeps
// serving, the status says so, and a new directory is noticed.
func TestModelsDirectoryDeletedWhileRunning(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	install(t, cfg.Model.Dir, "1.0")
	c := newConfigured(t, cfg)
	if err := os.RemoveAll(cfg.Model.Dir); err != nil {
		t.Fatal(err)
	}
	until(t, "the remark", func() bool { r := c.status().Refusal; return r != nil && r.Reason == RefusedRead })
	if s := c.status(); s.Model.Version != "1.0" || !strings.Contains(s.Refusal.Error, "not on disk any more") {
		t.Errorf("status %+v, %+v", s.Model, s.Refusal)
	}
	if a, err := c.asked.Answer(t.Context(), ask("hi"), nil); err != nil || a.Text != "1.0 " {
		t.Errorf("answer %+v, %v", a, err)
	}
	install(t, cfg.Model.Dir, "2.0")
	until(t, "the new model", func() bool { s := c.status(); return s.Model.Version == "2.0" && s.Refusal == nil })

	// A version that is deleted under its link is no removal of the model either.
	if err := os.RemoveAll(filepath.Join(cfg.Model.Dir, "mm", "2.0")); err != nil {
		t.Fatal(err)
	}
	until(t, "the remark", func() bool {
		r := c.status().Refusal
		return r != nil && strings.Contains(r.Error, "points to a version")
	})
	if s := c.status(); s.Model.Version != "2.0" {
		t.Errorf("status %+v", s.Model)
	}
	// Taking the link away is one.
	if err := os.Remove(filepath.Join(cfg.Model.Dir, "mm", "current")); err != nil {
		t.Fatal(err)
	}
	until(t, "the built-in model", func() bool { return c.status().Model.File == "built-in" })
}

// What is kept on disk may fail to be written; answers and swaps go on.
func TestUnwritableStateCostsNoAnswer(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, testConfig(t))
	if err := os.RemoveAll(c.cfg.State.Dir); err != nil { // as far as new files go: a full disk
		t.Fatal(err)
	}
	install(t, c.disk.Model.Dir, "2.0")
	until(t, "the update", func() bool { return c.status().Model.Version == "2.0" })
	if a, err := c.asked.Answer(t.Context(), router.Question{ID: "q", Messages: ask("hi").Messages}, nil); err != nil || a.Text != "2.0 " {
		t.Errorf("answer %+v, %v", a, err)
	}
}

// A model that was installed while the clock was ahead is said to stand in the way
// of later ones.
func TestModelDatedInTheFuture(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	d := newDevice(testConfig(t), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	d.doubtClock(Candidate{Path: "/m/ahead", Since: time.Now().Add(48 * time.Hour)})
	if !strings.Contains(log.String(), "dated in the future") || !strings.Contains(log.String(), "/m/ahead") {
		t.Errorf("log %q", &log)
	}
	log.Reset()
	d.doubtClock(Candidate{Path: "/m/now", Since: time.Now()})
	d.doubtClock(Candidate{}) // built in: without a date
	if log.Len() > 0 {
		t.Errorf("log %q", &log)
	}
}

// bare undoes the wrapping of a screen, in the middle of long words too.
func bare(text string) string { return strings.Join(strings.Fields(text), "") }
