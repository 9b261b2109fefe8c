package jinja

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// pythonCases are random templates with what Python's jinja2 made of them; see
// testdata/python.py.
type pythonCases struct {
	Vars  json.RawMessage
	Cases [][2]*string // the template, and the output, or nil where Python refuses
}

func loadPython(t testing.TB) pythonCases {
	raw, err := os.ReadFile("testdata/python.json")
	if err != nil {
		t.Fatal(err)
	}
	var all pythonCases
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestAsPython renders what Python rendered. Where Python refuses, so must we.
func TestAsPython(t *testing.T) {
	t.Parallel()
	all := loadPython(t)
	if len(all.Cases) < 1000 {
		t.Fatalf("only %d cases", len(all.Cases))
	}
	for _, c := range all.Cases {
		source, want := *c[0], c[1]
		got, err := render(source, all.Vars)
		switch {
		case want == nil && err == nil:
			t.Errorf("%q = %q, where Python refuses", source, got)
		case want != nil && (err != nil || got != *want):
			t.Errorf("%q:\n got %q, error %v\nwant %q", source, got, err, *want)
		}
	}
}

// render renders a template with variables in JSON.
func render(source string, vars json.RawMessage) (string, error) {
	v, err := FromJSON(vars)
	if err != nil {
		return "", err
	}
	t, err := Parse(source)
	if err != nil {
		return "", err
	}
	// Slow machines, and emulated ones, shall find the same bounds.
	out, err := t.Render(v.(*Dict), Options{Limit: time.Hour})
	if err != nil {
		return "", err
	}
	return out.String(), nil
}
