package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/router"
)

// logbook is a log that a test reads while it is written.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), what)
}

func (l *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// A configured system prompt is computed once: a daemon that starts again has
// it from the disk, another model does not get it, a damaged file is ignored,
// and all of them give the same answer.
func TestSystemPromptSurvivesARestart(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	cfg := m.config(t)
	system := strings.Repeat("You switch lights. ", 4)
	file := filepath.Join(t.TempDir(), "lights.txt")
	models := cfg.Model.Dir
	if err := errors.Join(os.WriteFile(file, []byte(system+"\n"), 0o600), os.MkdirAll(models, 0o700)); err != nil {
		t.Fatal(err)
	}
	cfg.Model.AllowUnsigned = true
	cfg.Model.SystemPrompts = []string{file, filepath.Join(t.TempDir(), "missing.txt")}
	install := func(weights []byte) {
		t.Helper()
		next := filepath.Join(models, "next")
		if err := errors.Join(os.WriteFile(next, weights, 0o600), os.Rename(next, filepath.Join(models, "m.gguf"))); err != nil {
			t.Fatal(err)
		}
	}
	weights := tinyModel(t)
	install(weights)
	saved := func() []string {
		files, _ := filepath.Glob(filepath.Join(cfg.State.Dir, "prefixes", "*.kv"))
		return files
	}
	q := router.Question{Messages: []router.Message{{Role: "system", Content: system}, {Role: "user", Content: "on"}}, Options: router.Options{MaxTokens: 8}}
	var first string
	run := func(what string, version string, ready bool, then func()) {
		t.Helper()
		log := &logbook{}
		c, stop := serveReal(t, cfg, Options{Log: log.logger(), Version: version})
		if got := log.has("saved prompts are ready"); got != ready {
			t.Errorf("%s: saved prompts are ready: %v", what, got)
		}
		if !log.has("missing.txt") {
			t.Errorf("%s: nothing about the file that is missing", what)
		}
		a, err := c.Ask(t.Context(), q, nil)
		if err != nil || first != "" && a.Text != first {
			t.Errorf("%s: answer %q, not %q, error %v", what, a.Text, first, err)
		}
		first = a.Text
		if then != nil {
			then()
		}
		stop()
	}

	run("first start", "1", false, func() {
		until(t, "the file", func() bool { return len(saved()) == 1 })
	})
	run("second start", "1", true, nil)
	run("another version", "2", false, func() {
		until(t, "the other file", func() bool { return len(saved()) == 2 })
	})
	for _, path := range saved() {
		if err := os.Truncate(path, 100); err != nil {
			t.Fatal(err)
		}
	}
	run("damaged files", "1", false, func() {
		until(t, "a good file", func() bool {
			for _, path := range saved() {
				if info, err := os.Stat(path); err == nil && info.Size() > 100 {
					return true
				}
			}
			return false
		})
	})

	// Hot reload: other weights of the same shape, then the first ones again.
	log := &logbook{}
	c, _ := serveReal(t, cfg, Options{Log: log.logger(), Version: "1"})
	other := bytes.Clone(weights)
	for i := len(other) - 64*259*4; i < len(other); i += 4 { // the last tensor, sign by sign
		other[i+3] ^= 0x80
	}
	before := len(saved())
	install(other)
	until(t, "a file for the other weights", func() bool { return len(saved()) == before+1 })
	a, err := c.Ask(t.Context(), q, nil)
	if err != nil || a.Text == first {
		t.Errorf("the other weights answer %q, error %v", a.Text, err)
	}
	install(weights)
	var s Status
	until(t, "the first weights", func() bool { return c.Status(t.Context(), &s) == nil && s.Model.Swaps == 2 })
	if a, err = c.Ask(t.Context(), q, nil); err != nil || a.Text != first {
		t.Errorf("the first weights answer %q after all, not %q, error %v", a.Text, first, err)
	}
}

// A configured tool list is kept like a system prompt, with each of those and
// alone; one that is no list, or whose saved file is damaged or another's, is
// ignored with a line in the log.
func TestToolListSurvivesARestart(t *testing.T) {
	t.Parallel()
	cfg := newMaker(t).config(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const tools = `[{"type": "function", "function": {"name": "lamp", "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}}}}]`
	const system = "You switch lights, and nothing else."
	cfg.Model.SystemPrompts = []string{write("lights.txt", system)}
	cfg.Model.ToolLists = []string{write("lights.json", tools+"\n"), write("wrong.json", `{"type": "function"}`), filepath.Join(dir, "missing.json")}
	cfg.Model.AllowUnsigned = true
	template := `{% if tools %}<|user|>{{ tools | tojson }}{% endif %}{% for m in messages %}<|user|>{{ m.content }}{% endfor %}<|assistant|>`
	if err := os.MkdirAll(cfg.Model.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Model.Dir, "m.gguf"), modeltest.Small().ChatAs(t, template), 0o600); err != nil {
		t.Fatal(err)
	}
	saved := func() []string {
		files, _ := filepath.Glob(filepath.Join(cfg.State.Dir, "prefixes", "*.kv"))
		return files
	}
	var answers []string
	// run asks with and without the system prompt; ready are the beginnings that the
	// daemon found.
	run := func(what, ready string, then func()) (log *logbook) {
		t.Helper()
		log = &logbook{}
		c, stop := serveReal(t, cfg, Options{Log: log.logger(), Version: "1"})
		defer stop()
		if found := log.has("saved prompts are ready"); found != (ready != "") || !log.has(ready) {
			t.Errorf("%s: not %q: %s", what, ready, log.text.String())
		}
		if !log.has("wrong.json: tools: want a list") || !log.has("missing.json") {
			t.Errorf("%s: nothing about the lists that are none", what)
		}
		user := router.Message{Role: "user", Content: "on"}
		for i, messages := range [][]router.Message{{user}, {{Role: "system", Content: system}, user}} {
			var before, after Status
			q := router.Question{Messages: messages, Options: router.Options{MaxTokens: 8, Tools: json.RawMessage(tools)}}
			err := c.Status(t.Context(), &before)
			a, asked := c.Ask(t.Context(), q, nil)
			if err = errors.Join(err, asked, c.Status(t.Context(), &after)); err != nil {
				t.Fatal(err)
			}
			if answers = append(answers, a.Text); a.Text != answers[i] {
				t.Errorf("%s: answer %q, not %q", what, a.Text, answers[i])
			}
			if cached := after.Engine.CachedTokens - before.Engine.CachedTokens; ready != "" && cached < 112 { // of about 130 before the user's message
				t.Errorf("%s, question %d: %d tokens were known", what, i, cached)
			}
		}
		then()
		return log
	}
	all := func() { until(t, "the files", func() bool { return len(saved()) == 3 }) }
	run("first start", "", all)
	run("second start", "prompts=3", func() {})

	// One file is cut off, one has another's contents, one is fine.
	files := saved()
	other, err := os.ReadFile(files[1])
	if err = errors.Join(err, os.Truncate(files[0], 100), os.WriteFile(files[1], append(other[:60:60], bytes.Repeat([]byte{7}, len(other)-60)...), 0o600)); err != nil {
		t.Fatal(err)
	}
	log := run("damaged and foreign files", "prompts=1", all)
	for _, path := range files[:2] {
		if !log.has(filepath.Base(path)) {
			t.Errorf("nothing about %s", path)
		}
	}
}
