package daemon

import (
	"context"
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
			return slog.New(oneLine{h}), threshold, nil
		}
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: threshold})), threshold, nil
}

// oneLine keeps messages to a line. The journal takes longer ones in another
// form, which slog-journal v0.1.0 leaves without its end, so that the whole entry
// is lost.
type oneLine struct{ slog.Handler }

func (h oneLine) Handle(ctx context.Context, r slog.Record) error {
	r.Message = joinLines(r.Message)
	return h.Handler.Handle(ctx, r)
}

func (h oneLine) WithAttrs(attrs []slog.Attr) slog.Handler {
	return oneLine{h.Handler.WithAttrs(attrs)}
}

func (h oneLine) WithGroup(name string) slog.Handler { return oneLine{h.Handler.WithGroup(name)} }

func joinLines(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// journalKey gives an attribute the only form of key that the journal takes, and
// a value of one line.
func journalKey(_ []string, a slog.Attr) slog.Attr {
	a.Key = journalName(a.Key)
	if text := a.Value.String(); strings.Contains(text, "\n") {
		a.Value = slog.StringValue(joinLines(text))
	}
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
