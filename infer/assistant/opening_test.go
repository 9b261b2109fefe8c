package assistant

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/prefix"
)

// An opening is what a conversation begins with, and once it is saved another
// engine needs not compute it.
func TestOpening(t *testing.T) {
	t.Parallel()
	a, system := loaded(t), strings.Repeat("You switch lights. ", 4)
	o, err := a.Opening(system, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := []chat.Message{{Role: "system", Content: system}, {Role: "user", Content: "on, please"}}
	text, err := a.render(ask, Options{})
	if err != nil {
		t.Fatal(err)
	}
	prompt := a.encode(text)
	if n := o.Tokens(); n < len(system) || n > len(prompt)-len("on, please") || !slices.Equal(o.tokens, prompt[:n]) {
		t.Errorf("an opening of %d tokens, of a prompt of %d", n, len(prompt))
	}
	none, err := a.Opening("", nil)
	if err != nil || none.Tokens() >= o.Tokens() {
		t.Errorf("without a system message: %d tokens, error %v", none.Tokens(), err)
	}
	store, err := prefix.Open(t.TempDir(), 1<<20, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if o.Recall(store, "tiny") {
		t.Error("recalled from an empty store")
	}
	if err := o.Memorize(t.Context(), store, "tiny"); err != nil {
		t.Fatal(err)
	}
	want, err := loaded(t).Reply(t.Context(), ask, Options{MaxTokens: 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := loaded(t)
	if o, err = b.Opening(system, nil); err != nil || !o.Recall(store, "tiny") {
		t.Fatalf("not recalled, error %v", err)
	}
	got, err := b.Reply(t.Context(), ask, Options{MaxTokens: 10}, nil)
	if err != nil || got.CachedTokens < o.Tokens()/16*16 || !reflect.DeepEqual(got.Tokens, want.Tokens) {
		t.Errorf("%d tokens cached, of an opening of %d, error %v", got.CachedTokens, o.Tokens(), err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Opening(system, nil); err == nil || o.Recall(store, "tiny") || o.Memorize(t.Context(), store, "tiny") == nil {
		t.Error("a closed assistant has openings")
	}
}
