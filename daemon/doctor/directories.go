package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
)

// stateDir looks at where the outbox and the records are kept.
func stateDir(_ context.Context, s *subject) []Finding {
	dir := s.cfg.State.Dir
	info, err := s.as.reach(dir, write|search)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.makeable("state directory", dir, dir+" is not there yet: the first start makes it")
	case err != nil:
		return only(s.barred("state directory", dir, err))
	case !info.IsDir():
		return only(failure("move it away, or choose another state.dir", "%s is no directory", dir))
	case info.Mode().Perm()&0o007 != 0:
		return only(warning("chmod o= "+dir, "%s holds what was asked and answered, and other users can get in (%s)", dir, info.Mode()))
	case !s.as.owns(info):
		return only(warning("chown "+s.as.name+" "+dir, "%s is not %s's", dir, s.as.name))
	}
	return s.ownFiles(dir)
}

// ownFiles finds what another user left, as a daemon that root once started by
// hand does: the service then cannot open it.
func (s *subject) ownFiles(dir string) (found []Finding) {
	for _, name := range []string{"outbox.db", "records", "prefixes", "vault", "promise.json", "rejected.json"} {
		path := filepath.Join(dir, name)
		info, err := s.as.reach(path, read)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission):
			return append(found, s.unseen(path, err))
		case err != nil || !s.as.owns(info):
			found = append(found, failure("chown -R "+s.as.name+": "+path, "%s is not %s's: was the daemon started by hand as another user?", path, s.as.name))
		}
	}
	if len(found) > 0 {
		return found
	}
	return only(ok("%s is %s's", dir, s.as.name))
}

// modelsDir looks at where models are installed. The daemon reads them only.
func modelsDir(_ context.Context, s *subject) []Finding {
	dir := s.cfg.Model.Dir
	info, err := s.as.reach(dir, read|search)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return only(ok("%s is not there: the built-in model answers until one is installed", dir))
	case err != nil:
		return only(s.barred("models directory", dir, err))
	case !info.IsDir():
		return only(failure("move it away, or choose another model.dir", "%s is no directory", dir))
	case info.Mode().Perm()&0o002 != 0:
		return only(failure("chmod o-w "+dir, "everybody can put models into %s", dir))
	}
	return only(ok("%s can be read by %s", dir, s.as.name))
}
