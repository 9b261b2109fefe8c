package daemon

import (
	"log/slog"
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
