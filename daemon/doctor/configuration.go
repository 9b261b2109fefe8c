package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/a472be26/cusp/daemon"
)

// configuration reads the file as the daemon would; every error of it names line,
// key and what is allowed.
func configuration(_ context.Context, s *subject) []Finding {
	if s.path == "" {
		return only(ok("no file at %s: the defaults hold", daemon.DefaultConfigPath()))
	}
	if s.loadErr != nil {
		return s.configErrors()
	}
	info, err := s.as.reach(s.path, read)
	if err != nil {
		return only(s.barred("file", s.path, err))
	}
	found := s.whoseConfig(info)
	if info.Mode().Perm()&0o004 != 0 {
		found = append(found, s.openPasswords()...)
	}
	if len(found) > 0 {
		return found
	}
	return only(ok("%s holds", s.path))
}

func (s *subject) configErrors() (found []Finding) {
	switch {
	case errors.Is(s.loadErr, fs.ErrNotExist):
		return only(failure("cusp serve --print-config > "+s.path, "%s is not there", s.path))
	case errors.Is(s.loadErr, fs.ErrPermission):
		return only(s.unseen(s.path, s.loadErr))
	}
	for _, err := range unjoined(s.loadErr) {
		found = append(found, told(err, "correct the line; cusp serve --print-config documents every key"))
	}
	return found
}

// unjoined are the errors that errors.Join made one of.
func unjoined(err error) (all []error) {
	joined, several := err.(interface{ Unwrap() []error })
	if !several {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		all = append(all, unjoined(e)...)
	}
	return all
}

// whoseConfig finds who else could change what the daemon does.
func (s *subject) whoseConfig(info os.FileInfo) []Finding {
	if info.Mode().Perm()&0o002 != 0 {
		return only(failure("chmod o-w "+s.path, "everybody can write to %s", s.path))
	}
	return nil
}

// openPasswords finds those that stand in a URL for everybody to read.
func (s *subject) openPasswords() (found []Finding) {
	for key, text := range map[string]string{"cloud.broker": s.cfg.Cloud.Broker, "iot.broker": s.cfg.IoT.Broker} {
		u, err := url.Parse(text)
		if err != nil || u.User == nil {
			continue
		}
		if _, has := u.User.Password(); has {
			found = append(found, warning("put it into a file that only the daemon can read, and name that as password_file",
				"%s has a password in its URL, and everybody can read %s", key, s.path))
		}
	}
	return found
}

// sizeOf is a number of bytes for people.
func sizeOf[N uint64 | int64 | float64](n N) string {
	f := float64(n)
	switch {
	case f >= 1<<30:
		return fmt.Sprintf("%.1f GiB", f/(1<<30))
	case f >= 1<<20:
		return fmt.Sprintf("%.0f MiB", f/(1<<20))
	}
	return fmt.Sprintf("%.0f KiB", f/(1<<10))
}
