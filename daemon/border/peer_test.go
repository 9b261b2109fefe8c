package border

import (
	"net"
	"os"
	"testing"
)

func TestPeersAllow(t *testing.T) {
	t.Parallel()
	const friend, stranger = 4001, 4002
	p := Peers{friend}
	for uid, want := range map[int]bool{0: true, os.Getuid(): true, friend: true, stranger: false, 65534: os.Getuid() == 65534} {
		if p.allow(uid) != want {
			t.Errorf("user %d: allowed %v", uid, !want)
		}
	}
}

func TestLookupPeers(t *testing.T) {
	t.Parallel()
	p, err := LookupPeers([]string{"root", "4001"})
	if err != nil || len(p) != 2 || p[0] != 0 || p[1] != 4001 {
		t.Errorf("peers %v, %v", p, err)
	}
	for _, name := range []string{"no such user", "", "-1"} {
		if p, err := LookupPeers([]string{name}); err == nil {
			t.Errorf("%q is %v", name, p)
		}
	}
}

func TestAConnectionOfUnknownOrigin(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if err := (Peers{0}).check(a); err == nil {
		t.Error("it passed")
	}
}
