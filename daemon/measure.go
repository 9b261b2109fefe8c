package daemon

import (
	"fmt"
	"time"

	"github.com/a472be26/cusp/daemon/metrics"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/router/drift"
)

// openMetrics begins to measure, and to answer scrapes over TCP where that is
// configured.
func (d *device) openMetrics() error {
	m, err := metrics.New(metrics.Options{Version: d.version, Kernels: kernel.Tier(), Snapshot: d.snapshot, Log: d.log})
	if err != nil {
		return err
	}
	d.metrics, d.answers.observe = m, m.Answered
	if d.cfg.Metrics.Listen == "" {
		return nil
	}
	l, err := d.openTCP("metrics.listen", metricsSocket+".socket", d.cfg.Metrics.Listen, d.passed.metrics)
	if err != nil {
		return fmt.Errorf("listen for scrapes: %w", err)
	}
	s := m.Serve(l)
	d.log.Info("scrapes are answered", "address", s.Address())
	d.closing("metrics", s.Close)
	return nil
}

// snapshot is what the metrics show of the daemon.
func (d *device) snapshot() metrics.Snapshot {
	counters := d.answers.counters()
	current, refusal := d.models.Current()
	_, reloads := d.models.Reloads()
	s := metrics.Snapshot{
		Engine: d.engines.stats(), Answered: counters.Answered, Failed: counters.Failed,
		Refused: refusal != nil, Reloads: reloads, Sensors: d.sensors.States(), Device: d.sensors.Readings(),
	}
	if g := d.governed(); g != nil {
		s.Governor = &metrics.Governor{Levels: d.govern.Levels(), Changes: g.Changes}
	}
	if current != nil {
		s.Model = &metrics.Model{
			Name: current.Name, Version: current.Version, Bundle: current.Bundle,
			Architecture: current.Architecture, Types: current.Types, Since: current.Since,
		}
	}
	for _, u := range d.budget.Uses() {
		s.Budgets = append(s.Budgets, metrics.Budget{Name: string(u.Budget), Window: string(u.Window), Used: u.Used / u.Limit, Spent: u.Spent})
	}
	if p := d.promises.status(); p != nil {
		s.Promise = &metrics.Promise{InDoubt: p.State == drift.InDoubt, Threshold: p.Threshold}
	}
	if link := d.link(); link.Configured {
		s.Link = &metrics.Link{Up: link.Up, Outbox: link.Outbox, Oldest: time.Duration(link.OldestS * float64(time.Second))}
	}
	return s
}
