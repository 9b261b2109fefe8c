package deploy

import (
	"context"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/a472be26/cusp/daemon/worker"
	"github.com/a472be26/cusp/router/cloud"
)

// queue is an intake that never has anything, and says so.
type queue struct{}

func (queue) Open(string, func(cloud.Parcel), func()) error { return nil }
func (queue) Up() bool                                      { return false }
func (queue) Stop()                                         {}
func (queue) Close()                                        {}
func (queue) Pending() (int64, error)                       { return 0, nil }

type brief struct{}

func (brief) Complete(_ context.Context, _ cloud.Request, emit func(string) error) (cloud.Completion, error) {
	return cloud.Completion{}, emit("x")
}

// ofWorker are the names of all metrics of a worker that has everything.
func ofWorker(t *testing.T) map[string]bool {
	t.Helper()
	m := cloud.NewMetrics("test")
	b := cloud.NewBackend(cloud.BackendOptions{Name: "p", Provider: brief{}, Metrics: m})
	w, err := cloud.Start(cloud.Options{Intake: queue{}, Metrics: m, Log: slog.New(slog.DiscardHandler)}, b)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close(t.Context())
	if _, err := b.Complete(t.Context(), cloud.Request{}, func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return gathered(t, m.Gatherer())
}

func gathered(t *testing.T, g prometheus.Gatherer) map[string]bool {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
	}
	return names
}

func TestWorkerDashboardAndAlertsNameExistingMetrics(t *testing.T) {
	t.Parallel()
	exist := ofWorker(t)
	all := expressions(t, "grafana/cusp-cloud.json", "prometheus/cusp-cloud.rules.yml")
	if len(all) < 20 {
		t.Fatalf("%d expressions were found", len(all))
	}
	checkExpressions(t, all, exist, "alert CuspWorkerDown")
}

func TestEveryWorkerMetricIsDocumented(t *testing.T) {
	t.Parallel()
	checkDocumented(t, "../docs/cloud.md", ofWorker(t))
}

// The examples are configurations that a worker takes.
func TestExampleOfAWorker(t *testing.T) {
	t.Parallel()
	c, err := worker.LoadConfig("cloud/cloud.toml")
	if err != nil {
		t.Fatal(err)
	}
	unit, err := os.ReadFile("cloud/cusp-cloud.service")
	if err != nil {
		t.Fatal(err)
	}
	passed := regexp.MustCompile(`(?m)^LoadCredential=([^:]+):`).FindAllStringSubmatch(string(unit), -1)
	var names []string
	for _, p := range passed {
		names = append(names, p[1])
	}
	for _, used := range []string{c.MQTT.PasswordCredential, c.Provider["openai"].KeyCredential} {
		if !slices.Contains(names, used) {
			t.Errorf("the unit does not pass the credential %q", used)
		}
	}
	if !strings.Contains(string(unit), "cusp cloud --config /etc/cusp/cloud.toml") || !strings.Contains(string(unit), "StateDirectory="+strings.TrimPrefix(c.Worker.State, "/var/lib/")+"\n") {
		t.Error("unit and configuration do not fit")
	}
}
