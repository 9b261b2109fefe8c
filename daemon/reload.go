package daemon

import "reflect"

// reload follows SIGHUP: it reads the configuration again, applies the log
// level, looks for models, and says which other changes need a restart.
func (d *device) reload() {
	d.notify.reloading()
	defer func() { d.notify.ready(d.summary()) }()
	next, err := d.o.Reload()
	if err != nil {
		d.log.Error("configuration was not reloaded; the old one stays", "error", err)
		return
	}
	if d.o.Level != nil {
		if err := d.o.Level.UnmarshalText([]byte(next.Log.Level)); err != nil {
			d.log.Error("log level was not changed", "error", err)
		}
	}
	d.reloadModel()
	if tables := changedTables(d.cfg, next); len(tables) > 0 {
		d.log.Warn("these tables of the configuration changed and need a restart", "tables", tables)
	}
	d.log.Info("reloaded")
}

// changedTables names the tables that differ, but for those that reload applies.
func changedTables(old, next Config) []string {
	old.Log, next.Log = LogConfig{}, LogConfig{}
	var tables []string
	a, b := reflect.ValueOf(old), reflect.ValueOf(next)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			tables = append(tables, a.Type().Field(i).Tag.Get("toml"))
		}
	}
	return tables
}
