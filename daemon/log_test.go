package daemon

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestLogLevel(t *testing.T) {
	t.Parallel()
	if _, _, err := NewLog("loud"); err == nil {
		t.Error("an unknown level was taken")
	}
	log, level, err := NewLog("warn")
	if err != nil || log.Enabled(t.Context(), slog.LevelInfo) {
		t.Errorf("info is logged at warn: %v", err)
	}
	level.Set(slog.LevelDebug)
	if !log.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("the level cannot be changed")
	}
}

// The journal takes only keys of A-Z, 0-9 and _.
func TestJournalKeys(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"error": "CUSP_ERROR", "cut_bytes": "CUSP_CUT_BYTES", "größe-1": "CUSP_GR__E_1"} {
		if got := journalKey(nil, slog.String(in, "")).Key; got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

// A message of several lines, such as the errors of a configuration, must reach
// the journal as one.
func TestJournalEntriesAreOfOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	h := slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: journalKey})
	slog.New(oneLine{h}).With("a", "1\n2").WithGroup("g").Error("one\ntwo", "error", errors.New("three\nfour"))
	if text := out.String(); strings.Contains(text, `\n`) || !strings.Contains(text, "one; two") || !strings.Contains(text, "three; four") || !strings.Contains(text, "1; 2") {
		t.Error(text)
	}
}
