package dataset

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/a472be26/cusp/router"
	device "github.com/a472be26/cusp/router/record"
)

// What a device exports is read: answers in text are lessons, calls of tools are
// none, and not open questions either.
func TestExportsAreRead(t *testing.T) {
	t.Parallel()
	log, err := device.Open(t.TempDir(), device.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	said := func(text, answer string, calls ...router.ToolCall) device.Entry {
		return device.Entry{
			Question: router.Question{Messages: []router.Message{{Role: "user", Content: text}}, Options: router.Options{Tools: json.RawMessage(`[]`)}},
			Answer:   answer, ToolCalls: calls, Receipt: router.Receipt{ID: text, Route: router.RouteCloud},
		}
	}
	for _, e := range []device.Entry{said("mail <EMAIL_1>", "done, <EMAIL_1>"), said("lamp on", "", router.ToolCall{ID: "c", Name: "on", Arguments: "{}"}), said("why?", "so")} {
		if err := log.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if n, err := log.Export(&out, device.ExportOptions{}); n != 3 || err != nil {
		t.Fatalf("exported %d, %v", n, err)
	}
	dir := t.TempDir()
	write(t, dir, "records/week.jsonl", out.String())
	lessons, err := records(dir)
	if err != nil || len(lessons) != 2 || lessons[0].Text != "mail <EMAIL_1>" || lessons[0].Reply != "done, <EMAIL_1>" {
		t.Errorf("lessons %+v, %v", lessons, err)
	}
	if open, err := OpenQuestions(dir); len(open) != 0 || err != nil {
		t.Errorf("open questions %q, %v", open, err)
	}
}
