package deploy

import (
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/a472be26/cusp/daemon/metrics"
	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/router"
)

// exposed are the names of all metrics of a daemon that has everything.
func exposed(t *testing.T) map[string]bool {
	t.Helper()
	readings := map[string]float64{"temperature_c": 1, "power_w": 1, "voltage_v": 1, "current_a": 1, "energy_j": 1, "battery_percent": 1}
	m, err := metrics.New(metrics.Options{Log: slog.New(slog.DiscardHandler), Snapshot: func() metrics.Snapshot {
		return metrics.Snapshot{
			Answered: map[string]int{"local/confident": 1}, Reloads: map[string]uint64{"done": 1},
			Model: &metrics.Model{}, Link: &metrics.Link{}, Promise: &metrics.Promise{}, Sensors: []sensor.State{{Name: "all", Readings: readings}},
			Device: readings, Governor: &metrics.Governor{Levels: map[string]bool{"hot": true}},
			Budgets: []metrics.Budget{{Name: "money", Window: "day"}},
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	m.Answered(router.Receipt{Route: router.RouteLocal, Early: true})
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
	}
	if !names["cusp_link_up"] || !names["process_open_fds"] {
		t.Fatalf("too few metrics: %v", names)
	}
	return names
}

var metricName = regexp.MustCompile(`\b(?:cusp|go|process)_[a-z0-9_]+\b`)

// named are the metrics in a text. Parts of histograms count as the histogram.
func named(text string, exist map[string]bool) []string {
	found := map[string]bool{}
	for _, name := range metricName.FindAllString(text, -1) {
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if whole, ok := strings.CutSuffix(name, part); ok && exist[whole] {
				name = whole
			}
		}
		found[name] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// dashboard is what matters here of Grafana's format.
type dashboard struct {
	Title  string
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
}

func expressions(t *testing.T, dashboardFile, rulesFile string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all["panel "+p.Title] += target.Expr + "\n"
		}
	}
	for _, r := range rules(t, rulesFile) {
		all["alert "+r.Alert] = r.Expr
	}
	return all
}

// rule is one alert of Prometheus's format.
type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func rules(t *testing.T, path string) []rule {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// A panel or an alert on a metric that no longer exists would stay empty, and
// silent, for ever.
func TestDashboardAndAlertsNameExistingMetrics(t *testing.T) {
	t.Parallel()
	exist := exposed(t)
	all := expressions(t, "grafana/cusp.json", "prometheus/cusp.rules.yml")
	if len(all) < 30 {
		t.Fatalf("%d expressions were found", len(all))
	}
	checkExpressions(t, all, exist, "alert CuspDown")
}

// checkExpressions wants each to name metrics, but for the one on Prometheus's own.
func checkExpressions(t *testing.T, all map[string]string, exist map[string]bool, own string) {
	t.Helper()
	for where, expr := range all {
		names := named(expr, exist)
		if len(names) == 0 && where != own {
			t.Errorf("%s names no metric: %s", where, expr)
		}
		for _, name := range names {
			if !exist[name] {
				t.Errorf("%s: %s does not exist", where, name)
			}
		}
		if strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Contains(expr, "{S") {
			t.Errorf("%s: %s", where, expr)
		}
	}
}

// Whatever is exposed is described, and whatever is described exists.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	checkDocumented(t, "../docs/metrics.md", exposed(t))
}

func checkDocumented(t *testing.T, path string, exist map[string]bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	documented := named(string(text), exist)
	for _, name := range documented {
		if strings.HasPrefix(name, "cusp_") && !exist[name] {
			t.Errorf("%s describes %s, which does not exist", path, name)
		}
	}
	for name := range exist {
		if strings.HasPrefix(name, "cusp_") && !slices.Contains(documented, name) {
			t.Errorf("%s says nothing of %s", path, name)
		}
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, r := range append(rules(t, "prometheus/cusp.rules.yml"), rules(t, "prometheus/cusp-cloud.rules.yml")...) {
		if r.For != "" {
			if _, err := model.ParseDuration(r.For); err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
		}
		if s := r.Labels["severity"]; s != "warning" && s != "critical" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if r.Alert == "" || r.Annotations["summary"] == "" || r.Annotations["remedy"] == "" {
			t.Errorf("incomplete: %+v", r)
		}
	}
}
