// Package peer tells who is at the other end of a unix socket, as the kernel
// knows it: SO_PEERCRED and SO_PEERGROUPS, see unix(7) and socket(7). At the end
// that connected that is who listens; at the other one it is who connected, as
// they were then.
package peer

import (
	"errors"
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Cred is a process's user and groups.
type Cred struct {
	UID, GID int
	Groups   []int // supplementary ones
}

// Has tells whether the process is of a group.
func (c Cred) Has(gid int) bool {
	if c.GID == gid {
		return true
	}
	for _, g := range c.Groups {
		if g == gid {
			return true
		}
	}
	return false
}

// ErrNoSocket means that the connection is of no unix socket.
var ErrNoSocket = errors.New("the connection is of no unix socket")

// Of is who is at the other end. Connections around others are looked into.
func Of(c net.Conn) (Cred, error) {
	for {
		around, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = around.NetConn()
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return Cred{}, ErrNoSocket
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return Cred{}, fmt.Errorf("who is at the other end of the socket: %w", err)
	}
	var cred Cred
	var failure error
	if err := raw.Control(func(fd uintptr) { cred, failure = read(int(fd)) }); err != nil || failure != nil {
		return Cred{}, fmt.Errorf("who is at the other end of the socket: %w", errors.Join(err, failure))
	}
	return cred, nil
}

func read(fd int) (Cred, error) {
	u, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Cred{}, err
	}
	c := Cred{UID: int(u.Uid), GID: int(u.Gid)}
	groups, err := groups(fd)
	for _, g := range groups {
		c.Groups = append(c.Groups, int(g))
	}
	return c, err
}

// maxGroups is what Linux allows a process (NGROUPS_MAX).
const maxGroups = 65536

// groups reads SO_PEERGROUPS, which has no wrapper: a list as long as it needs to
// be, of which the kernel tells the length when it does not fit.
func groups(fd int) ([]uint32, error) {
	list := make([]uint32, 32)
	for {
		size := uint32(4 * len(list))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return list[:size/4], nil
		case errno == unix.ERANGE && size/4 > uint32(len(list)) && size/4 <= maxGroups:
			list = make([]uint32, size/4)
		case errno == unix.ENODATA || errno == unix.ENOPROTOOPT: // none, or a kernel before 4.13
			return nil, nil
		default:
			return nil, errno
		}
	}
}
