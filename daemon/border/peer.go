package border

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Peers are the users whose processes may be at the other end, beside root and
// the process's own user.
type Peers []int

// LookupPeers takes names and numbers of users.
func LookupPeers(names []string) (Peers, error) {
	var all Peers
	for _, name := range names {
		id := name
		if u, err := user.Lookup(name); err == nil {
			id = u.Uid
		}
		uid, err := strconv.Atoi(id)
		if err != nil || uid < 0 {
			return nil, fmt.Errorf("there is no user %q", name)
		}
		all = append(all, uid)
	}
	return all, nil
}

// check asks the kernel who is at the other end: SO_PEERCRED, see unix(7). At the
// end that connected, that is who listens.
func (p Peers) check(c net.Conn) error {
	uid, err := peerUID(c)
	if err != nil {
		return fmt.Errorf("who is at the other end of the socket: %w", err)
	}
	if !p.allow(uid) {
		return fmt.Errorf("%w: it is of user %d; add that user to link.peers if it should be", errStranger, uid)
	}
	return nil
}

func (p Peers) allow(uid int) bool { return uid == 0 || uid == os.Getuid() || slices.Contains(p, uid) }

var errStranger = errors.New("the process at the other end of the socket is not trusted")

func peerUID(c net.Conn) (int, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, errors.New("it is no unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var failure error
	if err := raw.Control(func(fd uintptr) { cred, failure = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if failure != nil {
		return 0, failure
	}
	return int(cred.Uid), nil
}
