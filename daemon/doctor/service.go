package doctor

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

const (
	serviceUnit = "cusp.service"
	socketUnit  = "cusp.socket"
)

// unit is what systemd says of one, by the names of systemctl show.
type unit map[string]string

// properties are those that are asked for.
const properties = "LoadState,ActiveState,SubState,UnitFileState,Result,ExecMainStatus,NRestarts,NeedDaemonReload,StatusText,User,MemoryMax,ExecStart"

// systemctl asks the service manager about a unit.
func systemctl(ctx context.Context, name string) (unit, error) {
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--no-pager", "--property="+properties, name).Output()
	if err != nil {
		return nil, fmt.Errorf("systemctl show %s: %w", name, err)
	}
	return parseUnit(string(out)), nil
}

func parseUnit(text string) unit {
	u := unit{}
	for line := range strings.Lines(text) {
		if key, value, has := strings.Cut(strings.TrimSpace(line), "="); has {
			u[key] = value
		}
	}
	return u
}

func (u unit) installed() bool { return u["LoadState"] == "loaded" }

// cuda tells whether the unit runs the program of the package cusp-cuda.
func (u unit) cuda() bool   { return strings.Contains(u["ExecStart"], "/cusp-cuda ") }
func (u unit) active() bool { return u["ActiveState"] == "active" || u["ActiveState"] == "reloading" }

// oftenRestarted is from how many restarts on a service seems to be in trouble.
const oftenRestarted = 3

// service looks at the units, where systemd runs and has them.
func service(ctx context.Context, s *subject) []Finding {
	if _, err := s.Root.Open("run/systemd/system"); err != nil {
		return only(ok("no systemd here: nothing starts the daemon by itself"))
	}
	if !s.system {
		return only(ok("not asked: %s is not the packaged service's configuration", s.path))
	}
	if s.unit == nil {
		return only(warning("systemctl status", "systemd does not answer"))
	}
	if !s.unit.installed() {
		return only(ok("%s is not installed (%s): the daemon is started in another way", serviceUnit, s.unit["LoadState"]))
	}
	found := append(s.unit.running(), s.unit.upToDate()...)
	return append(found, s.listening(ctx)...)
}

// running tells how the service is.
func (u unit) running() []Finding {
	switch state := u["ActiveState"]; {
	case state == "failed":
		return only(failure(u.whyFailed(), "%s failed: %s, exit status %s", serviceUnit, u["Result"], u["ExecMainStatus"]))
	case state == "activating" && u["SubState"] == "auto-restart":
		return only(failure(u.whyFailed(), "%s ends again and again: %s, exit status %s", serviceUnit, u["Result"], u["ExecMainStatus"]))
	case state == "inactive":
		return only(warning("systemctl enable --now cusp.socket cusp.service", "%s does not run", serviceUnit))
	}
	if n, _ := strconv.Atoi(u["NRestarts"]); n >= oftenRestarted {
		return only(warning("journalctl -u cusp -p warning", "%s was restarted %d times", serviceUnit, n))
	}
	return only(ok("%s is %s: %s", serviceUnit, u["ActiveState"], u["StatusText"]))
}

// whyFailed knows the exit statuses by which systemd tells its own reasons
// (systemd.exec(5)).
func (u unit) whyFailed() string {
	switch u["ExecMainStatus"] {
	case "243":
		return "a file that LoadCredential= names cannot be read: systemctl cat cusp.service"
	case "217":
		return "the user of the unit is missing: systemd-sysusers cusp.conf"
	case "203":
		return "the program cannot be executed: reinstall the package"
	case "238":
		return "the state directory cannot be made: ls -ld /var/lib/cusp"
	}
	switch u["Result"] {
	case "oom-kill":
		return "it took more memory than it may: a smaller model.kv_memory or model.context, or a larger MemoryMax="
	case "watchdog":
		return "it stood still: journalctl -u cusp -b, and report it"
	}
	return "journalctl -u cusp -b"
}

// upToDate tells whether systemd goes by the files that lie there, also after the
// next start of the machine.
func (u unit) upToDate() (found []Finding) {
	if u["NeedDaemonReload"] == "yes" {
		found = append(found, warning("systemctl daemon-reload && systemctl restart cusp", "%s changed on disk", serviceUnit))
	}
	if state := u["UnitFileState"]; state == "disabled" || state == "masked" {
		found = append(found, warning("systemctl unmask cusp.service; systemctl enable cusp.socket cusp.service", "%s is %s: it does not start with the machine", serviceUnit, state))
	}
	return found
}

// listening looks at the unit of the socket.
func (s *subject) listening(ctx context.Context) []Finding {
	u, err := s.Unit(ctx, socketUnit)
	switch {
	case err != nil:
		return only(warning("systemctl status cusp.socket", "%v", err))
	case u.installed() && !u.active():
		return only(failure("systemctl restart cusp.socket cusp.service", "%s is %s: nobody can ask", socketUnit, u["ActiveState"]))
	}
	return nil
}
