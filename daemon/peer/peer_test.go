package peer

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The kernel tells both ends of a socket who is at the other one.
func TestOf(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	here, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(groups)
	for name, c := range map[string]net.Conn{"who connected": here, "who listens": there, "inside another": tls.Server(there, &tls.Config{})} {
		got, err := Of(c)
		slices.Sort(got.Groups)
		if err != nil || got.UID != os.Getuid() || got.GID != os.Getgid() || !slices.Equal(got.Groups, groups) {
			t.Errorf("%s: %+v, %v; want user %d, group %d, groups %v", name, got, err, os.Getuid(), os.Getgid(), groups)
		}
		if !got.Has(os.Getgid()) || got.Has(1<<30) {
			t.Errorf("%s: groups of %+v", name, got)
		}
	}
}

func TestNobodyIsAtTheEndOfOtherConnections(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := Of(a); !errors.Is(err, ErrNoSocket) {
		t.Errorf("error %v", err)
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	c := Cred{GID: 1, Groups: []int{2, 3}}
	for gid, want := range map[int]bool{0: false, 1: true, 2: true, 3: true, 4: false} {
		if c.Has(gid) != want {
			t.Errorf("group %d: %v", gid, !want)
		}
	}
}
