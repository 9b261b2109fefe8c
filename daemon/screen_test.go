package daemon

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/a472be26/cusp/daemon/governor"
	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/budget"
	"github.com/a472be26/cusp/router/drift"
)

// Everything that can be on the screen, at once: it stays within 80 columns and 24
// lines, and no name that came from a file can steer the terminal.
func TestStatusFitsTheScreen(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 4, 51, 55, 0, time.UTC)
	up := false
	s := Status{
		Device: "thermostat-7", Version: "1.2.3", UptimeS: 3*86400 + 2*3600,
		Model: &ModelStatus{ModelInfo: ModelInfo{
			Name: "cusp-student", Version: "1.1.0\x1b[2J", Bundle: strings.Repeat("ab", 32), File: "/var/lib/cusp/models/" + strings.Repeat("long/", 20),
			Architecture: "llama", Types: "38 Q8_0, 19 F32", Signed: true,
			Place: Place{Device: deviceCPU, Why: "cuda: no CUDA driver: libcuda.so.1: cannot open shared object file"},
		}, Since: at, Swaps: 2},
		Engine: &EngineStatus{Threads: 1, Kernels: "avx2", Speed: 41.25, Running: 2, Sequences: 4, Waiting: 3, Refused: 5, FirstTokenMS: 12.345, InterTokenMS: 3.1,
			Pages: 100, PageBytes: 1 << 20, Used: 30, Cached: 20, Requests: 9, PrefixHits: 6, PromptTokens: 1000, CachedTokens: 610, Generated: 77},
		Trial:    &TrialStatus{Model: "cusp-student@1.2.0", Answered: 12, Wanted: 50, Agreement: 0.95, Speed: 0.9},
		Config:   ConfigStatus{Tried: at, Error: strings.Repeat("cusp.toml:3: model.kv: no type; ", 9), Restart: []string{"api.socket", "cloud.broker"}},
		Refusal:  &Refusal{Reason: RefusedHash, Error: "load model /x/2.0: " + strings.Repeat("hash differs and ", 9), Time: at},
		Reload:   &Reload{Time: at, Model: "/x/1.0", Result: ResultDone, TookS: 1.25},
		Link:     LinkStatus{Configured: true, Broker: "ssl://broker.example.com:8883", Up: true, SinceS: 3725, Outbox: 12, OldestS: 90, Failures: 2, Trouble: "no route to host", RetryS: 7},
		IoT:      &up,
		Counters: Counters{Answered: map[string]int{"local/confident": 6, "cloud/below_threshold": 3, "cloud/declined": 2, "provisional/deadline": 1}, Failed: 1},
		Promise:  &PromiseStatus{State: drift.InDoubt, Cause: drift.CauseAgreement, Alpha: 0.05, Threshold: 2, Audited: 12, Disagreed: 8},
		Governor: &GovernorStatus{Status: governor.Status{Level: "hot+saving", Since: at, Cause: "temperature_c 81.25 >= 78", Prefer: router.PreferCloud, Changes: 3}, Threads: 1, MaxThreads: 4},
		Budgets: []budget.Use{{Budget: budget.Money, Window: budget.Hour, Used: 0.25, Limit: 1, Unit: "USD"}, {Budget: budget.Money, Window: budget.Day, Used: 4, Limit: 5, Unit: "USD"},
			{Budget: budget.Bytes, Window: budget.Day, Used: 1e6, Limit: 1e6, Unit: "bytes", Spent: true}},
		Sensors: []sensor.State{{Name: "power", Counts: true, Readings: map[string]float64{"power_w": 3.5}}, {Name: "VDD_SOC", Readings: map[string]float64{"power_w": 1.5}}, {Name: "temperature", Error: "no acknowledge"}},
	}
	text := s.Text()
	for _, want := range []string{
		"budgets   USED UP: bytes 1000000 of 1000000 bytes/day; money 4 of 5 USD/day\n",
		"governor  hot+saving: temperature_c 81.25 >= 78; 1 of 4 threads, prefers cloud\n",
		"device    thermostat-7, cusp 1.2.3, up 3d 2h\n", "llama (38 Q8_0, 19 F32)", "from …ong/long/", "since 2026-11-25 04:51:55, 2 before it; bundle abababababababab\n          on the CPU: cuda: no CUDA driver",
		"refused   2026-11-25 04:51:55, hash: load model /x/2.0: hash differs",
		"engine    41.2 tokens/s now; 2 of 4 sequences run, 3 wait, 5 were refused\n", "1 thread (avx2); first token 12.3 ms, then every 3.1 ms",
		"30.0 MiB of 100.0 MiB used, 20.0 MiB kept", "6 of 9 requests, 61% of the prompts' tokens; 77 generated",
		"answers   1 FAILED, 6 local/confident (50%), 3 cloud/below_threshold (25%), 2…\n",
		"promise   at most 5% wrong: IN DOUBT (agreement), all to the cloud; 8 of 12…\n",
		"config    refused at 2026-11-25 04:51:55, the old one stays",
		"cloud     up for 1h 2m, ssl://broker.example.com:8883", "2 rounds failed, again in 7.0s: no route to host\n", "12 questions on the way, the oldest for 1m 30s",
		"mqtt      down", "sensors   power: power_w 3.5; VDD_SOC: power_w 1.5 (does not count);…\n",
		"canary    12 of 50 questions, agreement 0.95, speed 0.90: cusp-student@1.2.0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	good := s
	if good.Refusal = nil; !strings.Contains(good.Text(), "reload    done at 2026-11-25 04:51:55, took 1.25s: /x/1.0\n") {
		t.Error("no reload")
	}
	if n := strings.Count(text, "\n"); n > lines {
		t.Errorf("%d lines", n)
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > columns {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.ContainsRune(text, 0x1b) {
		t.Error("an escape sequence came through")
	}
	if t.Failed() {
		t.Logf("\n%s", text)
	}
	if red := s.Coloured(); !strings.Contains(red, "\x1b[31mmqtt      \x1b[0mdown") || strings.Contains(red, "\x1b[31mcloud") ||
		strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "").Replace(red) != text {
		t.Errorf("in colours:\n%q", red)
	}
}

func TestStatusOfAnEmptyDaemon(t *testing.T) {
	t.Parallel()
	text := Status{Device: "d"}.Text()
	for _, want := range []string{"model     none", "answers   none yet", "cloud     not configured"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestStatusOfALinkInTrouble(t *testing.T) {
	t.Parallel()
	text := Status{Link: LinkStatus{Configured: true, Broker: "ssl://two:8883", SinceS: 60, Sealed: true, Failures: 3, RetryS: 4, Trouble: "ssl://one:8883: refused\nssl://two:8883: bad certificate"}}.Text()
	for _, want := range []string{"cloud     down for 1m 0s, ssl://two:8883, sealed\n", "3 rounds failed, again in 4.0s: ssl://one:8883: refused;\n          ssl://two:8883: bad certificate\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                   "",
		"one two three":      "one two|three",
		"one\n\ttwo":         "one two",
		"abcdefghijklmnopqr": "abcdefgh|ijklmnop|qr",
		"一二三四五六七八九":          "一二三四五六七八|九",
	} {
		if got := strings.Join(wrap(text, 8), "|"); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
