package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"time"
)

// reload follows SIGHUP: it reads the configuration again and makes it hold, or
// keeps all of the old one. Either way it looks for models again.
func (d *device) reload() {
	d.notify.reloading()
	defer func() { d.notify.ready(d.summary()) }()
	next, err := d.o.Reload()
	if err == nil {
		err = d.apply(next)
	}
	if err != nil {
		d.settings.refuse(err)
		d.log.Error("configuration was not reloaded, all of the old one stays: "+err.Error(), "error", err)
	}
	d.reloadModel()
	d.modelChanged()
	if err == nil {
		d.log.Info("reloaded")
	}
}

// apply makes the live tables of next hold, all or none of them. The model comes
// first, since only that can fail.
func (d *device) apply(next Config) error {
	want := d.config().with(next)
	if err := d.applyModel(want.Model); err != nil {
		return err
	}
	if d.o.Level != nil {
		_ = d.o.Level.UnmarshalText([]byte(want.Log.Level)) // checked with the configuration
	}
	if err := d.applyPolicy(want); err != nil {
		return err
	}
	if restart := d.settings.take(want, next); len(restart) > 0 {
		d.log.Warn("these keys of the configuration changed and need a restart", "keys", restart)
	}
	return nil
}

// applyModel loads the serving model again by another configuration, beside
// itself, if that makes a difference to it.
func (d *device) applyModel(want ModelConfig) error {
	now := d.config().Model
	if reflect.DeepEqual(now, want) {
		return nil
	}
	if reflect.DeepEqual(now.loading(), want.loading()) {
		d.models.Use(d.setup(want))
		return nil
	}
	// 1. Watch the new place before anything is loaded from it.
	moved := now.Dir != want.Dir || now.Name != want.Name
	next := d.watch
	if moved {
		var err error
		if next, err = d.newWatch(want); err != nil {
			return fmt.Errorf("model.dir: %w", err)
		}
	}
	// 2. Load, test, swap.
	if err := d.reconfigure(want, moved); err != nil {
		if moved {
			next.close()
		}
		return err
	}
	// 3. Leave the old place.
	if moved {
		d.watch.close()
		d.watch = next
	}
	return nil
}

// reconfigure loads the serving model by another configuration: a model that was
// refused before does not stand in the way of a setting. In another place it is
// what lies there that has to work.
func (d *device) reconfigure(want ModelConfig, moved bool) error {
	defer d.notify.loading("a model by another configuration")()
	all, err := candidates(want)
	if err != nil {
		return err
	}
	c := all[0]
	if now := d.models.origin(); !moved && now != nil && slices.ContainsFunc(all, now.same) {
		c = *now
	}
	return d.models.Reconfigure(d.ctx, d.setup(want), c)
}

// loading is the configuration without what only new models are judged by.
func (c ModelConfig) loading() ModelConfig {
	c.MinSpeed, c.Canary = 0, CanaryConfig{}
	return c
}

// reloadModel loads what was put into the models directory last. What it finds
// wrong is in the status and in the log; the old model keeps serving.
func (d *device) reloadModel() {
	c := d.config().Model
	all, err := candidates(c)
	if _, gone := os.Stat(c.Dir); errors.Is(gone, fs.ErrNotExist) {
		err = fmt.Errorf("the models directory is gone, and what serves is not on disk any more; install a model again: %w", gone)
	}
	if err != nil {
		d.models.Refuse(Candidate{Path: c.Dir, Plain: true}, time.Now(), RefusedRead, err)
		return
	}
	d.doubtClock(all[0])
	defer d.notify.loading("a model")()
	_ = d.models.Update(d.ctx, all[0])
}

// doubtClock says when the order in time of what lies in the directory cannot be
// right: after a jump of the clock, what is put there now seems to be the older.
func (d *device) doubtClock(newest Candidate) {
	const doubt = time.Hour
	if ahead := time.Until(newest.Since); ahead > doubt {
		d.log.Warn("model is dated in the future, so that one put there now counts as older; set the clock, or touch the model that should serve",
			"model", newest.String(), "ahead", ahead.Round(time.Minute))
	}
}
