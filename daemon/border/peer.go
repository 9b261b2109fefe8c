package border

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"

	"github.com/a472be26/cusp/daemon/peer"
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

// check asks the kernel who is at the other end.
func (p Peers) check(c net.Conn) error {
	who, err := peer.Of(c)
	if err != nil {
		return err
	}
	if !p.allow(who.UID) {
		return fmt.Errorf("%w: it is of user %d; add that user to link.peers if it should be", errStranger, who.UID)
	}
	return nil
}

func (p Peers) allow(uid int) bool { return uid == 0 || uid == os.Getuid() || slices.Contains(p, uid) }

var errStranger = errors.New("the process at the other end of the socket is not trusted")
