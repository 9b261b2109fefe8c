package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/infer/kernel"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2036, 11, 29, 12, 0, 0, 0, time.UTC)

// stranger is nobody who runs tests.
var stranger = account{name: "cusp", uid: 54321, groups: []int{54322}}

// healthy is a machine on which nothing is wrong, and a configuration that lies in
// a directory of the test.
func healthy(t *testing.T) *subject {
	t.Helper()
	dir := t.TempDir()
	cfg := daemon.DefaultConfig()
	cfg.Device.ID = "d1"
	cfg.Model.BatchTokens = 256 // whatever this CPU's default is
	cfg.API.Socket = filepath.Join(dir, "s")
	cfg.State.Dir, cfg.Model.Dir = filepath.Join(dir, "state"), filepath.Join(dir, "models")
	must(t, os.Mkdir(cfg.State.Dir, 0o700))
	must(t, os.Mkdir(cfg.Model.Dir, 0o755))
	return &subject{cfg: cfg, version: "1.0", as: self(), Host: Host{
		Root: fstest.MapFS{"proc/meminfo": file("MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n")},
		Self: self(), Now: func() time.Time { return noon }, Synced: func() (bool, error) { return true, nil },
		Account: func(string) (account, error) { return stranger, nil },
		Unit:    func(context.Context, string) (unit, error) { return unit{"LoadState": "not-found"}, nil },
		Resolve: func(_ context.Context, host string) ([]string, error) {
			if strings.HasSuffix(host, ".invalid") {
				return nil, errors.New("no such host")
			}
			return []string{"127.0.0.1"}, nil
		},
		Space: func(string) (room, error) { return room{free: 1 << 40, files: 1e6, counted: true}, nil },
	}}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// want checks that there is a finding with a state and texts, and a remedy where
// something is not well.
func want(t *testing.T, found []Finding, state State, texts ...string) {
	t.Helper()
	for _, f := range found {
		all := f.State == state
		for _, text := range texts {
			all = all && strings.Contains(f.Text+" -> "+f.Remedy, text)
		}
		if !all {
			continue
		}
		if f.State != OK && f.Remedy == "" {
			t.Errorf("no remedy: %s", f.Text)
		}
		return
	}
	t.Errorf("no %s with %q in %+v", state, texts, found)
}

// well checks that nothing is wrong.
func well(t *testing.T, found []Finding) {
	t.Helper()
	if len(found) == 0 {
		t.Error("nothing was found")
	}
	for _, f := range found {
		if f.State != OK {
			t.Errorf("%+v", f)
		}
	}
}

// On a machine without a fault no check finds one.
func TestHealthy(t *testing.T) {
	t.Parallel()
	s := healthy(t)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { well(t, c.run(t.Context(), s)) })
	}
}

// A check that hangs must not hang the doctor.
func TestHangingCheck(t *testing.T) {
	t.Parallel()
	hang := check{"hang", time.Millisecond, func(context.Context, *subject) []Finding { select {} }}
	want(t, hang.run(t.Context(), nil), Failure, "no result")
}

// watched remembers what went by.
type watched struct {
	begun []string
	found []Finding
}

func (w *watched) Begin(name string) { w.begun = append(w.begun, name) }
func (w *watched) Found(f Finding)   { w.found = append(w.found, f) }

// Everything is looked at on this machine, whoever runs the tests.
func TestRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cusp.toml")
	must(t, os.WriteFile(path, fmt.Appendf(nil, "[state]\ndir = %q\n[model]\ndir = %q\nkv = \"f8\"\n", t.TempDir(), t.TempDir()), 0o600))
	var w watched
	all := Run(t.Context(), Options{Config: path, Socket: filepath.Join(t.TempDir(), "s"), Host: ThisHost()}, &w)
	if len(w.begun) != len(checks) || len(all) < len(checks) || len(w.found) != len(all) {
		t.Errorf("%d begun, %d found, %d returned", len(w.begun), len(w.found), len(all))
	}
	want(t, all, Failure, path+":5: model.kv", `write one of ["f16" "f32" "q8_0"]`)
	if Count(all, Failure) != 1 {
		t.Errorf("%+v", all)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if got := Run(over, Options{Config: path, Host: ThisHost()}, nil); len(got) != 0 {
		t.Errorf("after the end: %+v", got)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		mode  os.FileMode
		state State
		want  []string
	}{
		"good":               {"[log]\nlevel = \"info\"\n", 0o600, OK, []string{"holds"}},
		"not TOML":           {"[log]\nlevel = \n", 0o600, Failure, []string{":2"}},
		"unknown key":        {"[log]\nlevle = \"info\"\n", 0o600, Failure, []string{":2: log.levle", "did you mean log.level"}},
		"second of two":      {"[log]\nlevel = \"x\"\n[model]\nsequences = 99\n", 0o600, Failure, []string{":4: model.sequences", "from 1 to 64"}},
		"writable by all":    {"", 0o666, Failure, []string{"everybody can write", "chmod o-w"}},
		"password in public": {"[cloud]\nbroker = \"tcp://u:hunter2@h:1\"\n", 0o644, Warning, []string{"cloud.broker has a password", "password_file"}},
		"password in secret": {"[cloud]\nbroker = \"tcp://u:hunter2@h:1\"\n", 0o600, OK, []string{"holds"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "cusp.toml")
			must(t, os.WriteFile(path, []byte(c.text), 0o600))
			must(t, os.Chmod(path, c.mode))
			s := healthy(t)
			s.load(path)
			found := configuration(t.Context(), s)
			want(t, found, c.state, c.want...)
			for _, f := range found {
				if strings.Contains(f.Text+f.Remedy, "hunter2") {
					t.Errorf("a password came out: %+v", f)
				}
			}
		})
	}
	s := healthy(t)
	s.load(filepath.Join(t.TempDir(), "none.toml"))
	want(t, configuration(t.Context(), s), Failure, "is not there", "--print-config")
}

func TestTold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"f:3: a.b: bad; write 1":       {"f:3: a.b: bad", "write 1"},
		"f:3: a.b: bad; so bad; do it": {"f:3: a.b: bad; so bad", "do it"},
		"nothing to do":                {"nothing to do", "otherwise"},
	} {
		if f := told(errors.New(text), "otherwise"); f.Text != want[0] || f.Remedy != want[1] || f.State != Failure {
			t.Errorf("%q: %+v", text, f)
		}
	}
	if got := printable("a\x1b[2Jb\nc"); got != "a [2Jb c" {
		t.Errorf("%q", got)
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for at := dir; at != filepath.Dir(at) && at != os.TempDir(); at = filepath.Dir(at) {
		must(t, os.Chmod(at, 0o755)) // the test's own directories
	}
	open, shut, target := filepath.Join(dir, "open"), filepath.Join(dir, "shut"), filepath.Join(dir, "shut", "inside")
	must(t, os.WriteFile(open, nil, 0o644))
	must(t, os.Mkdir(shut, 0o700))
	must(t, os.WriteFile(target, nil, 0o644))
	for _, c := range []struct {
		who    account
		path   string
		rights fs.FileMode
		want   string // of the error; empty: none
	}{
		{stranger, open, read, ""},
		{stranger, open, read | write, "may not read and write"},
		{stranger, target, read, "may not enter " + shut},
		{stranger, filepath.Join(dir, "none"), read, "no such file"},
		{self(), target, read | write, ""},
		{account{uid: 54321, groups: []int{os.Getgid()}}, open, write, "may not write"},
		{account{uid: 0}, target, write, ""},
	} {
		_, err := c.who.reach(c.path, c.rights)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v to %s: %v, want %q", c.who, c.path, err, c.want)
		}
	}
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	s := healthy(t)
	must(t, os.Chmod(s.cfg.State.Dir, 0o755))
	want(t, stateDir(t.Context(), s), Warning, "other users can get in", "chmod o=")
	must(t, os.Chmod(s.cfg.State.Dir, 0o700))
	must(t, os.WriteFile(filepath.Join(s.cfg.State.Dir, "outbox.db"), nil, 0o600))
	well(t, stateDir(t.Context(), s))
	s.cfg.State.Dir = filepath.Join(s.cfg.State.Dir, "new", "below")
	well(t, stateDir(t.Context(), s))
	must(t, os.Chmod(s.cfg.Model.Dir, 0o777))
	want(t, modelsDir(t.Context(), s), Failure, "everybody can put models", "chmod o-w")
	s.cfg.Model.Dir = filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(s.cfg.Model.Dir, nil, 0o644))
	want(t, modelsDir(t.Context(), s), Failure, "no directory")

	// The service is somebody else, who gets to nothing in here.
	s = healthy(t)
	must(t, os.Chmod(filepath.Dir(s.cfg.State.Dir), 0o700))
	s.as = stranger
	want(t, stateDir(t.Context(), s), Failure, "user cusp may not enter")
	want(t, modelsDir(t.Context(), s), Failure, "user cusp may not enter")
}

func TestSpace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		room  room
		err   error
		state State
		want  string
	}{
		"much":      {room{free: 1 << 40}, nil, OK, "free at"},
		"little":    {room{free: 100 << 20}, nil, Warning, "may still take 336 MiB"},
		"none":      {room{free: 1000}, nil, Failure, "is full"},
		"no inodes": {room{free: 1 << 40, counted: true, files: 3}, nil, Failure, "only 3 files"},
		"read-only": {room{free: 1 << 40, readOnly: true}, nil, Failure, "cannot be written to"},
		"unseen":    {room{}, fs.ErrPermission, Warning, "cannot be seen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy(t)
			s.Space = func(string) (room, error) { return c.room, c.err }
			want(t, space(t.Context(), s), c.state, c.want)
		})
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		now    time.Time
		built  time.Time
		seen   time.Time
		synced bool
		err    error
		state  State
		want   string
	}{
		"right":         {now: noon, synced: true, state: OK, want: "synchronized"},
		"1970":          {now: time.Unix(0, 0), synced: true, state: Failure, want: "1970-01-01 here, which cannot be"},
		"before built":  {now: noon, built: noon.AddDate(0, 1, 0), synced: true, state: Failure, want: "before this program was made (2036-12-29)"},
		"before a cert": {now: noon, seen: noon.AddDate(0, 0, 2), synced: true, state: Failure, want: "before the date of the certificate"},
		"drifts":        {now: noon, state: Warning, want: "not synchronized"},
		"container":     {now: noon, err: fs.ErrPermission, state: Warning, want: "cannot be told"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy(t)
			s.Now, s.Built, s.Synced = func() time.Time { return c.now }, c.built, func() (bool, error) { return c.synced, c.err }
			s.saw(c.seen, "certificate")
			want(t, clock(t.Context(), s), c.state, c.want)
		})
	}
}

func TestProcessor(t *testing.T) {
	t.Parallel()
	vnni := strings.Fields("fma f16c avx2 avx512f avx512bw avx512vl avx512dq avx512_vnni")
	for _, c := range []struct {
		arch, active string
		flags        []string
		state        State
		want         string
	}{
		{"amd64", "avx512vnni+amx", append(slices.Clone(vnni), "amx_tile", "amx_int8"), OK, "the fastest"},
		{"amd64", "avx512vnni", append(slices.Clone(vnni), "amx_tile", "amx_int8"), Warning, "what avx512vnni+amx needs"},
		{"amd64", "avx512vnni", vnni, OK, "Xeon 6"},
		{"amd64", "avx2", vnni, Warning, "the processor has what avx512vnni needs"},
		{"amd64", "avx2", []string{"avx2", "fma", "f16c", "hypervisor"}, OK, "virtual machine hides"},
		{"amd64", "avx2", nil, OK, "faster ones need another processor"},
		{"amd64", "generic", []string{"sse2"}, Warning, "the slowest"},
		{"arm64", "neon", []string{"fp", "asimd"}, OK, "Raspberry Pi 5"},
		{"arm64", "neon+dotprod", []string{"asimddp", "i8mm"}, Warning, "i8mm"},
	} {
		want(t, only(judgeTier(c.arch, c.active, c.flags)), c.state, c.want)
	}
	active := kernel.Tier()
	if active != "generic" && !slices.ContainsFunc(tiers[runtime.GOARCH], func(t tier) bool { return t.name == active }) {
		t.Errorf("kernels %q are not in the table", active)
	}
	s := healthy(t)
	s.cfg.Model.Threads = 8
	want(t, s.threads(4), Warning, "model.threads is 8, and 4")
	s.Root = fstest.MapFS{"proc/cpuinfo": file("processor\t: 0\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t\t: none\n")}
	if got := s.cpuFlags(); len(got) != 2 || got[1] != "avx2" {
		t.Errorf("flags %q", got)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	group := func(text string) fstest.MapFS {
		return fstest.MapFS{
			"proc/meminfo":                          file("MemTotal:        4000000 kB\nMemAvailable:    3000000 kB\n"),
			"proc/self/cgroup":                      file("0::/system.slice/x.service\n"),
			"sys/fs/cgroup/system.slice/memory.max": file(text),
		}
	}
	for name, c := range map[string]struct {
		root  fs.FS
		unit  unit
		state State
		want  string
	}{
		"enough":              {group("max\n"), nil, OK, "of 3.8 GiB in this machine"},
		"group":               {group("209715200\n"), nil, OK, "of 200 MiB for this control group"},
		"too small a group":   {group("30000000\n"), nil, Failure, "needed, 29 MiB for this control group"},
		"weights do not fit":  {group("53000000\n"), nil, Warning, "read from disk again and again"},
		"service":             {group("1\n"), unit{"LoadState": "loaded", "MemoryMax": "104857600"}, OK, "of 100 MiB for the service (MemoryMax=)"},
		"service, no limit":   {group("1\n"), unit{"LoadState": "loaded", "MemoryMax": "infinity"}, OK, "in this machine"},
		"taken by others":     {fstest.MapFS{"proc/meminfo": file("MemTotal: 4000000 kB\nMemAvailable: 40000 kB\n")}, nil, Warning, "only 39 MiB free now"},
		"cgroup v1":           {fstest.MapFS{"proc/meminfo": file("MemTotal: 4000000 kB\n"), "proc/self/cgroup": file("4:memory:/a\n"), "sys/fs/cgroup/memory/a/memory.limit_in_bytes": file("30000000\n")}, nil, Failure, "29 MiB for this control group"},
		"nothing can be told": {fstest.MapFS{}, nil, Warning, "cannot be told"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy(t)
			s.Root, s.unit = c.root, c.unit
			want(t, memory(t.Context(), s), c.state, c.want)
		})
	}
}

func TestService(t *testing.T) {
	t.Parallel()
	loaded := func(more string) unit { return parseUnit("LoadState=loaded\nActiveState=active\n" + more) }
	for name, c := range map[string]struct {
		service, socket unit
		state           State
		want            []string
	}{
		"runs":          {loaded("StatusText=answering with m@1\n"), unit{"LoadState": "loaded", "ActiveState": "active"}, OK, []string{"answering with m@1"}},
		"failed":        {loaded("ActiveState=failed\nResult=exit-code\nExecMainStatus=1\n"), nil, Failure, []string{"exit status 1", "journalctl"}},
		"credential":    {loaded("ActiveState=failed\nResult=exit-code\nExecMainStatus=243\n"), nil, Failure, []string{"LoadCredential="}},
		"out of memory": {loaded("ActiveState=activating\nSubState=auto-restart\nResult=oom-kill\n"), nil, Failure, []string{"again and again", "MemoryMax="}},
		"down":          {loaded("ActiveState=inactive\n"), nil, Warning, []string{"does not run", "enable --now"}},
		"flaps":         {loaded("NRestarts=7\n"), nil, Warning, []string{"restarted 7 times"}},
		"changed":       {loaded("NeedDaemonReload=yes\n"), nil, Warning, []string{"changed on disk", "daemon-reload"}},
		"disabled":      {loaded("UnitFileState=disabled\n"), nil, Warning, []string{"does not start with the machine"}},
		"deaf":          {loaded(""), unit{"LoadState": "loaded", "ActiveState": "failed"}, Failure, []string{"cusp.socket is failed"}},
		"none":          {unit{"LoadState": "not-found"}, nil, OK, []string{"not installed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy(t)
			s.Root, s.system, s.unit = fstest.MapFS{"run/systemd/system/x": file("")}, true, c.service
			s.Unit = func(context.Context, string) (unit, error) { return c.socket, nil }
			want(t, service(t.Context(), s), c.state, c.want...)
		})
	}
}

// What systemctl prints is taken as it comes.
func FuzzParseUnit(f *testing.F) {
	f.Add("LoadState=loaded\nStatusText=a=b\n")
	f.Add("=\n\n===\nx")
	f.Fuzz(func(t *testing.T, text string) {
		for key, value := range parseUnit(text) {
			if strings.Contains(key, "=") || !strings.Contains(text, key+"="+value) {
				t.Errorf("%q: %q", key, value)
			}
		}
	})
}

func TestSensors(t *testing.T) {
	t.Parallel()
	s := healthy(t)
	s.cfg.Sensor = daemon.SensorConfig{Bus: "/nowhere/i2c-1", Temperature: &daemon.PartConfig{Driver: "tmp102", Address: 0x48}}
	want(t, sensors(t.Context(), s), Failure, "/nowhere/i2c-1 is not there", "i2c-dev")
	s.cfg.Sensor.Bus = filepath.Join(t.TempDir(), "bus")
	must(t, os.WriteFile(s.cfg.Sensor.Bus, nil, 0o600))
	want(t, sensors(t.Context(), s), Failure, "tmp102 at 0x48 does not answer", "i2cdetect")
	s.as = stranger
	want(t, sensors(t.Context(), s), Failure, "may not", "usermod -aG i2c cusp")
}
