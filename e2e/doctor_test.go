//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/doctor"
)

// TestDoctor breaks an installed device in the ways that operators do, one after the other, and wants each found.
func TestDoctor(t *testing.T) {
	f := newFleet(t)
	f.addDaemon()
	f.addModel("1.0")
	f.publish()
	m := boot(t)
	f.join(m)
	m.run("apt-get update -o APT::Update::Error-Mode=any && apt-get install -y cusp cusp-model-" + modelName)
	sample := string(daemon.SampleConfig())

	t.Run("a healthy device", func(t *testing.T) {
		for _, found := range m.doctor(t, "") {
			if found.State == doctor.Failure || found.State == doctor.Warning && found.Check != "clock" { // which is the host's
				t.Errorf("%+v", found)
			}
		}
		wantFound(t, m.doctor(t, ""), doctor.OK, "service", "cusp.service is active: answering with "+modelName+"@1.0")
		wantFound(t, m.doctor(t, ""), doctor.OK, "model", "calibrated for these weights")
	})

	t.Run("any user", func(t *testing.T) {
		m.run("useradd --create-home visitor")
		found := m.doctor(t, "runuser -u visitor -- ")
		wantFound(t, found, doctor.OK, "configuration", config)
		wantFound(t, found, doctor.Warning, "socket", "usermod -aG cusp visitor")
		m.run("usermod -aG cusp visitor")
		wantFound(t, m.doctor(t, "runuser -u visitor -- "), doctor.OK, "socket", "answers as")
	})

	t.Run("a wrong line", func(t *testing.T) {
		m.write(config, strings.Replace(sample, "\n[log]", "\n[log]\nlevel = \"loud\"", 1))
		if _, err := m.try("systemctl restart cusp.service"); err == nil {
			t.Error("the service started")
		}
		found := m.doctor(t, "")
		wantFound(t, found, doctor.Failure, "configuration", "log.level")
		wantFound(t, found, doctor.Failure, "service", "journalctl -u cusp")
		m.write(config, sample)
		m.run("systemctl reset-failed cusp.service; systemctl restart cusp.service")
	})

	t.Run("a password that the service cannot read, and a wrong one", func(t *testing.T) {
		port := passwordBroker(t, "thermostat-7", "right")
		cloud := strings.Replace(sample, "[cloud]", "[cloud]\nbroker = \"tcp://127.0.0.1:"+port+"\"\nusername = \"thermostat-7\"\npassword_file = \"/etc/cusp/broker.password\"\n", 1)
		m.write(config, cloud)
		m.write("/etc/cusp/broker.password", "wrong\n")
		m.run("chown root:root /etc/cusp/broker.password; chmod 0600 /etc/cusp/broker.password")
		found := m.doctor(t, "")
		wantFound(t, found, doctor.Failure, "keys", "user cusp may not read /etc/cusp/broker.password")
		wantFound(t, found, doctor.Failure, "broker", `does not let user "thermostat-7" in`)
		m.run("chgrp cusp /etc/cusp/broker.password; chmod 0644 /etc/cusp/broker.password; echo right > /etc/cusp/broker.password")
		found = m.doctor(t, "")
		wantFound(t, found, doctor.Failure, "keys", "everybody can read it")
		wantFound(t, found, doctor.OK, "broker", "accepts the subscription to cusp/cloud/answer/")
		m.run("chmod 0640 /etc/cusp/broker.password")
		wantFound(t, m.doctor(t, ""), doctor.OK, "keys", "are trusted")
		m.write(config, sample)
	})

	t.Run("root started it by hand", func(t *testing.T) {
		m.run("chown root /var/lib/cusp/records")
		wantFound(t, m.doctor(t, ""), doctor.Failure, "state", "chown -R cusp: /var/lib/cusp/records")
		m.run("chown cusp /var/lib/cusp/records")
	})

	t.Run("an altered model", func(t *testing.T) {
		weights := "/var/lib/cusp/models/" + modelName + "/1.0/model.gguf"
		m.run("cp " + weights + " /root/kept && printf x >> " + weights)
		wantFound(t, m.doctor(t, ""), doctor.Failure, "model", "model.gguf")
		m.run("cat /root/kept > " + weights)
	})

	t.Run("too little memory", func(t *testing.T) {
		m.write("/etc/systemd/system/cusp.service.d/memory.conf", "[Service]\nMemoryMax=20M\n")
		m.run("touch /lib/systemd/system/cusp.service")
		wantFound(t, m.doctor(t, ""), doctor.Warning, "service", "daemon-reload")
		m.run("systemctl daemon-reload")
		wantFound(t, m.doctor(t, ""), doctor.Failure, "memory", "20 MiB for the service (MemoryMax=)")
		m.run("rm /etc/systemd/system/cusp.service.d/memory.conf; systemctl daemon-reload")
	})

	t.Run("a credential that is not there", func(t *testing.T) {
		m.write("/etc/systemd/system/cusp.service.d/secret.conf", "[Service]\nLoadCredential=mqtt:/etc/cusp/nowhere\n")
		_, _ = m.try("systemctl daemon-reload; systemctl restart cusp.service")
		wantFound(t, m.doctor(t, ""), doctor.Failure, "service", "LoadCredential=")
		m.run("rm /etc/systemd/system/cusp.service.d/secret.conf; systemctl daemon-reload; systemctl reset-failed cusp.service; systemctl restart cusp.service")
	})

	t.Run("stopped, and left so", func(t *testing.T) {
		m.run("systemctl stop cusp.service")
		found := m.doctor(t, "")
		wantFound(t, found, doctor.Warning, "service", "does not run")
		if state := m.run("systemctl is-active cusp.service || true"); state != "inactive" {
			t.Errorf("the doctor started the service: it is %s", state)
		}
	})

	t.Run("the manual is there", func(t *testing.T) {
		m.run("zcat /usr/share/man/man1/cusp-doctor.1.gz | grep -q '^.TH' && zcat /usr/share/man/man5/cusp.toml.5.gz | grep -q min_speed")
		m.run("test -s /usr/share/zsh/vendor-completions/_cusp && test -s /usr/share/fish/vendor_completions.d/cusp.fish")
		if got := m.run(`bash -c 'source /usr/share/bash-completion/completions/cusp; COMP_WORDS=(cusp doc); COMP_CWORD=1; _cusp; echo "${COMPREPLY[@]}"'`); got != "doctor" {
			t.Errorf("completed to %q", got)
		}
	})
}

// doctor asks cusp doctor in the machine.
func (m *machine) doctor(t *testing.T, as string) []doctor.Finding {
	t.Helper()
	out, err := m.try(as + "cusp doctor --json 2>/dev/null")
	var report struct {
		Findings []doctor.Finding `json:"findings"`
		Failures int              `json:"failures"`
	}
	if jsonErr := json.Unmarshal([]byte(out), &report); jsonErr != nil {
		t.Fatalf("%v (%v): %s", jsonErr, err, out)
	}
	if (err != nil) != (report.Failures > 0) {
		t.Errorf("%d failures, and the exit status says %v", report.Failures, err)
	}
	return report.Findings
}

func wantFound(t *testing.T, all []doctor.Finding, state doctor.State, check, text string) {
	t.Helper()
	for _, f := range all {
		if f.Check == check && f.State == state && strings.Contains(f.Text+" -> "+f.Remedy, text) {
			return
		}
	}
	t.Errorf("no %s of %s with %q in %+v", state, check, text, all)
}
