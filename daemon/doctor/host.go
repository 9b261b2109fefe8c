package doctor

import (
	"context"
	"io/fs"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/a472be26/cusp/infer/cuda"
)

// Host is the machine that is looked at; tests put another in its place.
type Host struct {
	Root    fs.FS // of the file system, for what the kernel says
	Self    account
	Account func(name string) (account, error)
	Unit    func(ctx context.Context, name string) (unit, error)
	Resolve func(ctx context.Context, host string) ([]string, error)
	Now     func() time.Time
	Synced  func() (bool, error) // whether the kernel's clock is
	Space   func(dir string) (room, error)
	GPU     func() (cuda.Info, error)
	Built   time.Time // when the program was; zero: not known
}

// room is what is left on a file system.
type room struct {
	free     uint64 // bytes, for users without privileges
	files    uint64 // that can still be made
	counted  bool   // files are: some file systems have no limit
	readOnly bool
}

// ThisHost is the machine that the program runs on.
func ThisHost() Host {
	return Host{
		Root: os.DirFS("/"), Self: self(), Account: lookup, Unit: systemctl,
		Resolve: net.DefaultResolver.LookupHost, Now: time.Now, Synced: synced, Space: spaceOf, Built: built(),
		GPU: func() (cuda.Info, error) { return cuda.Probe(cuda.Options{}) },
	}
}

// built is the time of the commit that the program was built from.
func built() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			t, _ := time.Parse(time.RFC3339, s.Value)
			return t
		}
	}
	return time.Time{}
}
