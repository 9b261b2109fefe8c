package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/api"
)

// longestSocket is what sun_path holds, less the final zero (unix(7)).
const longestSocket = 107

// socket looks at the place, and at who answers there.
func socket(ctx context.Context, s *subject) []Finding {
	path := s.cfg.API.Socket
	if len(path) > longestSocket {
		return only(failure("choose a shorter api.socket", "%s has %d bytes; a socket's path has at most %d", path, len(path), longestSocket))
	}
	found := s.socketGroup()
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return append(found, s.freeSocket(path)...)
	case err != nil:
		return append(found, s.unseen("socket "+path, err))
	case info.Mode().Type() != fs.ModeSocket:
		return append(found, failure("move it away, or choose another api.socket", "%s is no socket (%s)", path, info.Mode()))
	}
	return append(found, s.answering(ctx, path, info)...)
}

// socketGroup finds a group that is named and not there.
func (s *subject) socketGroup() []Finding {
	group := s.cfg.API.Group
	if group == "" {
		return nil
	}
	if _, err := user.LookupGroup(group); err == nil {
		return nil
	}
	if _, err := strconv.Atoi(group); err == nil {
		return nil
	}
	return only(failure("groupadd --system "+group+", or correct api.group", "there is no group %q", group))
}

// freeSocket tells whether the daemon could make its socket.
func (s *subject) freeSocket(path string) []Finding {
	if s.unit.active() { // then it is systemd who made one
		return only(failure("systemctl restart cusp.socket cusp.service", "%s is not there, though %s runs: somebody removed it", path, serviceUnit))
	}
	dir := filepath.Dir(path)
	info, err := s.as.reach(dir, write|search)
	switch {
	case s.unit.installed():
		return only(ok("%s is not there: %s does not run", path, serviceUnit))
	case errors.Is(err, fs.ErrNotExist):
		return s.makeable("directory of the socket", dir, path+" is free: no daemon runs")
	case err != nil:
		return only(s.barred("directory of the socket", dir, err))
	}
	if owner, known := info.Sys().(*syscall.Stat_t); known && owner.Uid != 0 && int(owner.Uid) != s.as.uid {
		return only(failure("choose an api.socket in a directory of "+s.as.name+" or of root", "%s belongs to user %d, who could put another socket there", dir, owner.Uid))
	}
	return only(ok("%s is free: no daemon runs", path))
}

// makeable tells whether the daemon could make a directory that is not there.
func (s *subject) makeable(what, dir, good string) []Finding {
	parent := filepath.Dir(dir)
	for !exists(parent) {
		parent = filepath.Dir(parent)
	}
	if _, err := s.as.reach(parent, write|search); err != nil {
		return only(failure(fmt.Sprintf("install -d -o %s -m 0750 %s", s.as.name, dir), "%s %s is not there, and cannot be made: %v", what, dir, err))
	}
	return only(ok("%s", good))
}

// answering asks whoever listens. A socket of systemd's is left alone while the
// service is down: a question would start it.
func (s *subject) answering(ctx context.Context, path string, info fs.FileInfo) []Finding {
	if s.unit.installed() && !s.unit.active() {
		return only(ok("%s is there, and %s does not run", path, serviceUnit))
	}
	found := s.openSocket(path, info)
	if !s.Self.may(info, write) {
		return append(found, warning(joinGroup(info, s.Self.name), "%s may not ask on %s (%s)", s.Self, path, info.Mode()))
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return append(found, ok("%s is a dead one, which the next start replaces: no daemon runs", path))
	case err != nil:
		return append(found, s.unseen("who answers on "+path, err))
	}
	conn.Close()
	return append(found, s.whoAnswers(ctx, path)...)
}

// openSocket finds a socket on which every user of the machine can ask.
func (s *subject) openSocket(path string, info fs.FileInfo) []Finding {
	mode, err := s.cfg.API.SocketMode()
	if info.Mode().Perm()&0o002 != 0 && (err != nil || mode&0o002 == 0) {
		return only(warning("set api.mode to 0660, or SocketMode= in cusp.socket", "everybody on this machine can ask on %s", path))
	}
	return nil
}

func joinGroup(info fs.FileInfo, name string) string {
	owner, known := info.Sys().(*syscall.Stat_t)
	if known && info.Mode().Perm()&0o020 != 0 && owner.Gid != 0 {
		group := strconv.Itoa(int(owner.Gid))
		if g, err := user.LookupGroupId(group); err == nil {
			group = g.Name
		}
		return fmt.Sprintf("usermod -aG %s %s, and log in again", group, name)
	}
	return "ask as its owner, or set api.group and api.mode = \"0660\""
}

// whoAnswers compares the daemon that answers with the one that is meant.
func (s *subject) whoAnswers(ctx context.Context, path string) []Finding {
	client := api.NewClient(path)
	defer client.Close()
	var st daemon.Status
	if err := client.Status(ctx, &st); err != nil {
		return only(failure("see who it is: ss -xlp | grep "+path+"; stop it, or choose another api.socket", "what answers on %s is no Cusp daemon: %v", path, err))
	}
	found := s.running(st)
	if err := client.Health(ctx); err != nil {
		found = append(found, failure("cusp status", "the daemon cannot answer questions: %v", err))
	}
	if len(found) > 0 {
		return found
	}
	return only(ok("cusp %s answers as %s on %s", st.Version, st.Device, path))
}

// running finds what the daemon that runs does not do as its files say.
func (s *subject) running(st daemon.Status) (found []Finding) {
	if st.Device != s.cfg.Device.ID {
		found = append(found, failure("stop it, or choose another api.socket", "another daemon answers: device %s, the configuration says %s", st.Device, s.cfg.Device.ID))
	}
	if st.Version != s.version {
		found = append(found, warning("restart the daemon: systemctl restart cusp", "the daemon that runs is cusp %s, this program is %s", st.Version, s.version))
	}
	if st.Config.Error != "" {
		found = append(found, warning("correct it, then: systemctl reload cusp", "the daemon goes on with its old configuration: %s", st.Config.Error))
	}
	if len(st.Config.Restart) > 0 {
		found = append(found, warning("systemctl restart cusp", "changes of %s wait for a restart", strings.Join(st.Config.Restart, ", ")))
	}
	if st.Refusal != nil {
		found = append(found, warning("install a model that works: cusp model install, cusp model rollback", "the daemon refused a model: %s", st.Refusal.Error))
	}
	return found
}
