package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// maxSocketPath is what sun_path holds, less the final zero (unix(7)).
const maxSocketPath = 107

// probeTimeout is how long another daemon has to take a connection before its
// socket counts as dead.
const probeTimeout = time.Second

// Listen opens the unix socket at path with the given mode and group (empty:
// unchanged). A stale socket is removed; a file of another kind, or a socket on
// which another daemon answers, is an error and stays.
func Listen(path string, mode fs.FileMode, group string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("socket %s: the path has %d bytes, at most %d are possible; choose a shorter one", path, len(path), maxSocketPath)
	}
	if err := directory(filepath.Dir(path), mode); err != nil {
		return nil, fmt.Errorf("socket directory: %w", err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on the socket: %w", err)
	}
	if err := permit(path, mode, group); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// directory makes the socket's directory, as open as the socket. One of another
// user is refused: its owner could put a socket of his own in the place of ours.
func directory(path string, mode fs.FileMode) error {
	perm := fs.FileMode(0o755)
	if mode.Perm()&0o077 == 0 {
		perm = 0o700
	}
	if err := os.MkdirAll(path, perm); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if ok && owner.Uid != 0 && int(owner.Uid) != os.Getuid() {
		return fmt.Errorf("%s belongs to user %d; choose a directory of this user or of root", path, owner.Uid)
	}
	return nil
}

// removeStale makes room at path when only a dead socket lies there.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the socket's path: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("socket %s: a file that is no socket lies there (%s); move it away or choose another path", path, info.Mode())
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		return errors.Join(fmt.Errorf("socket %s: another daemon answers on it; stop it or choose another path", path), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) { // the answer of a dead one; a busy daemon's is EAGAIN
		return fmt.Errorf("socket %s: it is not certain that no daemon answers on it; stop the daemon or move the socket away: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the stale socket: %w", err)
	}
	return nil
}

func permit(path string, mode fs.FileMode, group string) error {
	if group != "" {
		gid, err := groupID(group)
		if err != nil {
			return fmt.Errorf("socket group %q: %w", group, err)
		}
		if err := os.Chown(path, -1, gid); err != nil {
			return fmt.Errorf("give the socket to group %q: %w", group, err)
		}
	}
	if err := os.Chmod(path, mode.Perm()); err != nil {
		return fmt.Errorf("set the socket's mode: %w", err)
	}
	return nil
}

// groupID takes a name or a number.
func groupID(group string) (int, error) {
	g, err := user.LookupGroup(group)
	if err != nil {
		if id, numeric := strconv.Atoi(group); numeric == nil {
			return id, nil
		}
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}
