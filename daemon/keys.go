package daemon

import "github.com/a472be26/cusp/daemon/tomlfile"

// source is a configuration's text, for errors that name the line.
type source struct{ tomlfile.Source }

// errorf names file, line and key before the message.
func (s source) errorf(key, format string, args ...any) error { return s.Errorf(key, format, args...) }
