package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/match"
)

// fakeCloud keeps what it is asked and answers with a function of it.
type fakeCloud struct {
	asked  router.Question
	answer func(q router.Question) router.CloudAnswer
	pieces int // bytes of a piece
	err    error
}

func (f *fakeCloud) Up() bool { return true }

func (f *fakeCloud) Ask(_ context.Context, q router.Question, emit func(string) error) (router.CloudAnswer, error) {
	f.asked = q
	if f.err != nil {
		return router.CloudAnswer{}, f.err
	}
	a := f.answer(q)
	for text := a.Text; text != "" && emit != nil; {
		n := min(f.pieces, len(text))
		if err := emit(text[:n]); err != nil {
			return a, err
		}
		text = text[n:]
	}
	return a, nil
}

func guard(t testing.TB, o Options) *Guard {
	t.Helper()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func vault(t testing.TB) *Vault {
	t.Helper()
	v, err := OpenVault(filepath.Join(t.TempDir(), "vault"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func chat(texts ...string) router.Question {
	q := router.Question{ID: "q1", Asker: "api"}
	for _, text := range texts {
		q.Messages = append(q.Messages, router.Message{Role: "user", Content: text})
	}
	return q
}

func TestScreen(t *testing.T) {
	t.Parallel()
	o := Options{
		Modes: Modes{IBAN: Keep, IP: Allow}, MaxText: 4096,
		Rules: []Rule{
			{"health", match.Rule{Words: []string{"diagnosis", "诊断"}}}, {"clinic", match.Rule{Client: []string{"api:clinic-*"}}},
			{"records", match.Rule{Tool: []string{"get_health_*"}}}, {"bedroom", match.Rule{Topic: []string{"cusp/+/about/bedroom"}}},
		},
	}
	tool := chat("what did it say?")
	tool.Messages = append([]router.Message{{Role: "assistant", ToolCalls: []router.ToolCall{{ID: "1", Name: "get_health_record", Arguments: "{}"}}}}, tool.Messages...)
	result := chat("x")
	result.Messages[0] = router.Message{Role: "tool", Content: "the diagnosis is secret"}
	user, topic, named, schema := chat("x"), chat("x"), chat("x"), chat("x")
	user.User, topic.Topic = "clinic-7", "cusp/d1/about/bedroom"
	named.Options.Tools = json.RawMessage(`[{"type":"function","function":{"name":"sk-abcdefghijklmnopqrstuv123"}}]`)
	schema.Options.Tools = json.RawMessage(`[{"type":"function","function":{"name":"f","description":"for bob@example.com"}}]`)
	for name, c := range map[string]struct {
		q      router.Question
		stays  router.Reason
		detail string
		hidden map[string]int
	}{
		"nothing":            {chat("turn on the light"), "", "", nil},
		"word":               {chat("hello", "my DIAGNOSIS"), router.ReasonPrivateRule, "rule health", nil},
		"Chinese word":       {chat("看看诊断书"), router.ReasonPrivateRule, "rule health", nil},
		"history":            {chat("the diagnosis is x", "thanks", "turn on the light"), router.ReasonPrivateRule, "rule health", nil},
		"user":               {user, router.ReasonPrivateRule, "rule clinic", nil},
		"topic":              {topic, router.ReasonPrivateRule, "rule bedroom", nil},
		"tool":               {tool, router.ReasonPrivateRule, "rule records", nil},
		"result of a tool":   {result, router.ReasonPrivateRule, "rule health", nil},
		"private data":       {chat("pay DE89370400440532013000 for bob@example.com"), router.ReasonPrivateData, "found: iban", nil},
		"allowed":            {chat("ping 203.0.113.9"), "", "", nil},
		"redacted":           {chat("a@example.com b@example.com a@example.com", "my password is x7y8z9"), "", "", map[string]int{"email": 2, "secret": 1}},
		"too long":           {chat(strings.Repeat("x", 5000)), router.ReasonUnredacted, errTooLong.Error(), nil},
		"name of a tool":     {named, router.ReasonUnredacted, errToolName.Error(), nil},
		"description of one": {schema, "", "", map[string]int{"email": 1}},
	} {
		s := guard(t, o).Screen(c.q)
		if s.Stays != c.stays || s.Detail != c.detail || !reflect.DeepEqual(s.Redactions, c.hidden) || (s.Veil != nil) != (c.hidden != nil) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if s := guard(t, Options{}).Screen(chat(strings.Repeat("password: ", 100_000))); s.Stays != router.ReasonUnredacted || s.Detail != errTooDense.Error() {
		t.Errorf("a text that takes long: %+v", s)
	}
}

// Everything that a question has goes as placeholders, and everything that an answer
// has comes back, in pieces too.
func TestVeil(t *testing.T) {
	t.Parallel()
	v := vault(t)
	g := guard(t, Options{Vault: v})
	q := router.Question{ID: "q1", Messages: []router.Message{
		{Role: "system", Content: "you work for Alice Meyer <alice@example.org>"},
		{Role: "user", Name: "alice@example.org", Content: "the key is sk-abcdefghijklmnopqrstuv123"},
		{Role: "assistant", Reasoning: "alice@example.org?", ToolCalls: []router.ToolCall{{ID: "c", Name: "mail", Arguments: `{"to":"alice@example.org","password":"a\"b\\c1"}`}}},
		{Role: "tool", ToolCallID: "c", Content: `{"name":"Bob Miller","phone":"13800138000"}`},
	}}
	q.Options.Tools = json.RawMessage(`[{"type":"function","function":{"name":"mail","description":"as alice@example.org"}}]`)
	q.Options.Stop = []string{"alice@example.org"}
	s := g.Screen(q)
	if s.Veil == nil {
		t.Fatalf("screened %+v", s)
	}
	cloud := &fakeCloud{pieces: 3, answer: func(q router.Question) router.CloudAnswer {
		if m, err := v.Get("q1"); err != nil || len(m) == 0 {
			t.Errorf("while the question is on its way the vault has %v, %v", m, err)
		}
		return router.CloudAnswer{
			Text: "Dear <NAME_1>, <EMAIL_1> <EMAIL_9>", Reasoning: "<SECRET_1>",
			ToolCalls: []router.ToolCall{{ID: "d", Name: "mail", Arguments: q.Messages[2].ToolCalls[0].Arguments}},
		}
	}}
	shown := ""
	a, err := s.Veil(cloud).Ask(t.Context(), q, func(piece string) error { shown += piece; return nil })
	if err != nil {
		t.Fatal(err)
	}
	sent, _ := json.Marshal(cloud.asked)
	for _, value := range []string{"alice", "Alice", "sk-abc", `a\"b`, "Bob", "13800138000", "c1\""} {
		if strings.Contains(string(sent), value) {
			t.Errorf("%q was sent: %s", value, sent)
		}
	}
	want := "Dear Alice Meyer, alice@example.org <EMAIL_9>"
	if a.Text != want || shown != want || a.Reasoning != "sk-abcdefghijklmnopqrstuv123" || a.ToolCalls[0].Arguments != q.Messages[2].ToolCalls[0].Arguments {
		t.Errorf("answer %+v, shown %q", a, shown)
	}
	if m, err := v.Get("q1"); m != nil || err != nil {
		t.Errorf("after the answer the vault has %v, %v", m, err)
	}
	if name := cloud.asked.Messages[1].Name; name != "EMAIL_1" {
		t.Errorf("the speaker is called %q", name)
	}
	if !cloud.asked.Redacted || q.Redacted {
		t.Error("the question is not marked where it should be")
	}
}

// A text that was not searched does not leave.
func TestUnreadTextsAreWithheld(t *testing.T) {
	t.Parallel()
	s := guard(t, Options{}).Screen(chat("bob@example.com"))
	cloud := &fakeCloud{}
	if _, err := s.Veil(cloud).Ask(t.Context(), chat("eve@example.com"), nil); !errors.Is(err, router.ErrWithheld) || len(cloud.asked.Messages) > 0 {
		t.Errorf("asked %+v, error %v", cloud.asked, err)
	}
}

// Who asks the cloud without a router sends nothing in clear either.
func TestCloudIsScreenedForEverybody(t *testing.T) {
	t.Parallel()
	g := guard(t, Options{Modes: Modes{IBAN: Keep}})
	cloud := &fakeCloud{answer: func(q router.Question) router.CloudAnswer {
		return router.CloudAnswer{Text: q.Messages[0].Content + "!"}
	}}
	for text, want := range map[string]struct {
		sent string
		err  error
	}{
		"hello": {"hello", nil}, "bob@example.com": {"<EMAIL_1>", nil}, "DE89370400440532013000": {"", router.ErrWithheld},
	} {
		cloud.asked = chat("")
		a, err := g.Cloud(cloud).Ask(t.Context(), chat(text), nil)
		if !errors.Is(err, want.err) || cloud.asked.Messages[0].Content != want.sent || err == nil && a.Text != text+"!" {
			t.Errorf("%s: sent %+v, answer %+v, error %v", text, cloud.asked.Messages, a, err)
		}
	}
}

// A question that is on its way keeps its values; one that is done with does not.
func TestVaultLivesAsLongAsTheQuestion(t *testing.T) {
	t.Parallel()
	for err, kept := range map[error]bool{context.DeadlineExceeded: true, errors.New("uplink is closed"): true, router.ErrExpired: false, router.ErrRefused: false} {
		v := vault(t)
		q := chat("bob@example.com")
		_, got := guard(t, Options{Vault: v}).Screen(q).Veil(&fakeCloud{err: err}).Ask(t.Context(), q, nil)
		m, _ := v.Get("q1")
		if !errors.Is(got, err) || (m != nil) != kept {
			t.Errorf("%v: vault has %v, error %v", err, m, got)
		}
	}
}

func TestLateAnswers(t *testing.T) {
	t.Parallel()
	v := vault(t)
	g := guard(t, Options{Vault: v})
	q := chat("write to bob@example.com", `{"password":"q1w2e3"}`)
	cloud := &fakeCloud{err: context.DeadlineExceeded}
	if _, err := g.Screen(q).Veil(cloud).Ask(t.Context(), q, nil); err == nil {
		t.Fatal("no error")
	}
	again, err := OpenVault(v.dir, time.Hour) // after a restart
	if err != nil {
		t.Fatal(err)
	}
	g = guard(t, Options{Vault: again})
	back, err := g.Restore(cloud.asked, router.CloudAnswer{Text: "done: <EMAIL_1>"})
	if err != nil || !reflect.DeepEqual(back.Question, q) || back.Answer.Text != "done: bob@example.com" || !reflect.DeepEqual(back.Redactions, map[string]int{"email": 1, "secret": 1}) {
		t.Errorf("restored %+v, %v", back, err)
	}
	g.Forget("q1")
	if _, err := g.Restore(cloud.asked, back.Answer); !errors.Is(err, ErrForgotten) {
		t.Errorf("once more: %v", err)
	}
	if r, err := g.Restore(chat("x"), router.CloudAnswer{Text: "<EMAIL_1>"}); err != nil || r.Answer.Text != "<EMAIL_1>" {
		t.Errorf("without redaction: %+v, %v", r, err)
	}
}

func TestVaultFiles(t *testing.T) {
	t.Parallel()
	v := vault(t)
	m := Mapping{"<EMAIL_1>": "bob@example.com"}
	if err := errors.Join(v.Put("a", m), v.Put("a", m), v.Put("b", m)); err != nil {
		t.Fatal(err)
	}
	if err := v.Put("a", Mapping{"<EMAIL_1>": "eve@example.com"}); !errors.Is(err, errTaken) {
		t.Errorf("another question of the same id: %v", err)
	}
	if err := v.Put("../x", m); err == nil {
		t.Error("an id led out of the vault")
	}
	info, err := os.Stat(filepath.Join(v.dir, "a.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file %v, %v", info, err)
	}
	for name, text := range map[string]string{"c.json": "{", "d.json.tmp": "x"} {
		if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if err := v.Put("e", m); err != nil { // sweeps
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(v.dir, "*"))
	if len(files) != 1 || filepath.Base(files[0]) != "e.json" {
		t.Errorf("left %v", files)
	}
}

// Records have the placeholders that the cloud saw, and what is new in the answer
// too; literal placeholders stay.
func TestHidden(t *testing.T) {
	t.Parallel()
	g := guard(t, Options{Modes: Modes{Card: Keep}})
	q, a, local, err := g.Hidden(chat("I am <EMAIL_1>, no: bob@example.com"), router.Answer{Text: "bob@example.com or eve@example.com, 4465572101415618", ToolCalls: []router.ToolCall{{Name: "f", Arguments: `{"a":"bob@example.com"}`}}}, "eve@example.com")
	raw := router.Question{Prompt: "mail bob@example.com", PromptTokens: []int32{1}, User: "eve@example.com", Options: router.Options{Variables: map[string]json.RawMessage{"x": json.RawMessage(`"bob@example.com"`)}}}
	if h, _, _, err := g.Hidden(raw, router.Answer{}, ""); err != nil || h.Prompt != "mail <EMAIL_1>" || h.PromptTokens != nil || h.User != "<EMAIL_2>" || string(h.Options.Variables["x"]) != `"<EMAIL_1>"` {
		t.Errorf("continued text: %+v, %v", h, err)
	}
	if err != nil || q.Messages[0].Content != "I am <EMAIL_1>, no: <EMAIL_2>" || a.Text != "<EMAIL_2> or <EMAIL_3>, <CARD_1>" ||
		a.ToolCalls[0].Arguments != `{"a":"<EMAIL_2>"}` || local != "<EMAIL_3>" || !q.Redacted {
		t.Errorf("%+v, %+v, %q, %v", q, a, local, err)
	}
	if _, _, _, err := guard(t, Options{MaxText: 10}).Hidden(chat(strings.Repeat("x", 30)), router.Answer{}, ""); !errors.Is(err, router.ErrWithheld) {
		t.Errorf("too long: %v", err)
	}
}

func TestNewNamesTheRule(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Rules: []Rule{{"a", match.Rule{Words: []string{"x"}}}, {"b", match.Rule{Regex: []string{"("}}}}}); err == nil || !strings.Contains(err.Error(), `rule 2 ("b"): regex`) {
		t.Errorf("error %v", err)
	}
}
