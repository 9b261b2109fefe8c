package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
	slogjournal "github.com/systemd/slog-journal"
)

// NewLog returns a logger at the given level (debug, info, warn, error) and
// the handle to change it. It writes to the journal when that is where standard
// error goes, and else text to standard error.
func NewLog(level string) (*slog.Logger, *slog.LevelVar, error) {
	threshold := new(slog.LevelVar)
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, fmt.Errorf("log level %q: write debug, info, warn or error", level)
	}
	if ours, err := journal.StderrIsJournalStream(); err == nil && ours {
		h, err := slogjournal.NewHandler(&slogjournal.Options{Level: threshold, ReplaceAttr: journalKey, ReplaceGroup: journalName})
		if err == nil {
			return slog.New(h), threshold, nil
		}
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: threshold})), threshold, nil
}

// journalKey gives an attribute the only form of key that the journal takes.
func journalKey(_ []string, a slog.Attr) slog.Attr {
	a.Key = journalName(a.Key)
	return a
}

func journalName(name string) string {
	return "CUSP_" + strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}
