package assistant

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/sample"
)

// spaced is a SentencePiece vocabulary, in which words begin with their space.
func spaced() []gguf.KV {
	return []gguf.KV{
		{Key: "tokenizer.ggml.model", Value: "llama"},
		{Key: "tokenizer.ggml.tokens", Value: []string{"<unk>", "<s>", "</s>", "▁lamp", "▁on", "<0xE2>", "<0x82>", "<0xAC>", "s", "▁", "a", ":", "▁a:b"}},
		{Key: "tokenizer.ggml.scores", Value: make([]float32, 13)},
		{Key: "tokenizer.ggml.token_type", Value: []int32{2, 3, 3, 1, 1, 6, 6, 6, 1, 1, 1, 1, 1}},
		{Key: "tokenizer.ggml.eos_token_id", Value: uint32(2)},
		{Key: "tokenizer.chat_template", Value: "{{ messages[0].content }}"},
	}
}

// withWords is an assistant with that vocabulary whose engine says ids.
func withWords(t *testing.T, say ...int32) *Assistant {
	t.Helper()
	f, err := gguf.Parse("words.gguf", file(t, 13, spaced()))
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(f, Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	a.engine.Close()
	a.engine = &script{say: say, finish: infer.FinishLength}
	return a
}

// The bytes of the tokens make up the text, to the byte, and no token of a stop
// string is among them.
func TestLogProbsAreOfTheText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		say  []int32
		stop []string
		want string // texts and bytes
	}{
		{[]int32{3, 4}, nil, `"lamp" 4; " on" 3; `},
		{[]int32{3, 5, 6, 7, 8}, nil, `"lamp" 4; "�" 1; "�" 1; "�" 1; "s" 1; `},
		{[]int32{3, 4, 8}, []string{" on"}, `"lamp" 4; `},
		{[]int32{3, 4, 8}, []string{"ns"}, `"lamp" 4; " on" 3; `},
		{[]int32{3, 5, 6, 7, 8}, []string{"€"}, `"lamp" 4; `},
		{[]int32{3, 4}, []string{"lamp"}, ``},
		{[]int32{1, 3}, nil, `"<s>" 0; "lamp" 4; `},
	} {
		a := withWords(t, c.say...)
		reply, err := a.Reply(t.Context(), []chat.Message{{Role: "user", Content: "a"}}, Options{Stop: c.stop, LogProbs: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range reply.LogProbs {
			got += fmt.Sprintf("%q %d; ", p.Text, len(p.Bytes))
		}
		if got != c.want {
			t.Errorf("%v with stop %q: %s, want %s", c.say, c.stop, got, c.want)
		}
	}
}

// Known gets the log-probabilities with the text that their tokens make.
func TestLogProbsComeWithTheirText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		say  []int32
		stop []string
		want string // texts of tokens, and the piece behind them
	}{
		{[]int32{3, 4}, nil, `"lamp" -> "lamp"; " on" -> " on"; `},
		{[]int32{3, 5, 6, 7, 8}, nil, `"lamp" -> "lamp"; "�" "�" "�" -> "€"; "s" -> "s"; `},
		{[]int32{3, 4, 8}, []string{"lamp onx"}, `"lamp" " on" "s" -> "lamp ons"; `}, // held back until it cannot be the stop string
		{[]int32{3, 4, 8}, []string{"ns"}, `"lamp" -> "lamp"; -> " o"; `},            // " on" goes out in part, and what it was comes at the end
		{[]int32{3, 4, 8}, []string{" on"}, `"lamp" -> "lamp"; `},
		{[]int32{1, 3}, nil, `"<s>" "lamp" -> "lamp"; `},
	} {
		got, known := "", []LogProb(nil)
		o := Options{Stop: c.stop, LogProbs: true, Known: func(all []LogProb) {
			for _, p := range all {
				got += fmt.Sprintf("%q ", p.Text)
			}
			known = append(known, all...)
		}}
		reply, err := withWords(t, c.say...).Reply(t.Context(), []chat.Message{{Role: "user", Content: "a"}}, o, func(delta string) error {
			got += fmt.Sprintf("-> %q; ", delta)
			return nil
		})
		if err != nil || got != c.want {
			t.Errorf("%v with stop %q: %s, want %s, error %v", c.say, c.stop, got, c.want, err)
		}
		if n := len(known); n > len(reply.LogProbs) || !reflect.DeepEqual(known, reply.LogProbs[:n:n]) && n > 0 {
			t.Errorf("%v with stop %q: %v of %v", c.say, c.stop, known, reply.LogProbs)
		}
	}
}

// The likeliest tokens come with their texts, and control tokens with their
// names; who did not ask gets neither.
func TestTopLogProbs(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	question := []chat.Message{{Role: "user", Content: "x"}}
	reply, err := a.Reply(t.Context(), question, Options{MaxTokens: 6, IgnoreEOS: true, LogProbs: true, Sampling: sample.Options{Top: sample.MaxTop}}, nil)
	if err != nil || len(reply.LogProbs) != 6 {
		t.Fatalf("%d of 6 tokens, error %v", len(reply.LogProbs), err)
	}
	for i, p := range reply.LogProbs {
		if len(p.Top) != sample.MaxTop || p.Top[0].Text != p.Text || p.Top[0].LogProb != p.LogProb || p.LogProb != reply.Tokens[i].LogProb {
			t.Errorf("token %d is %+v", i, p)
		}
		for _, l := range p.Top {
			if l.Text == "" || (l.Bytes == nil) != (len(l.Text) > 3) {
				t.Errorf("token %d: one of the likeliest is %+v", i, l)
			}
		}
	}
	reply, err = a.Reply(t.Context(), question, Options{MaxTokens: 1}, nil)
	if err != nil || reply.LogProbs != nil {
		t.Errorf("nobody asked for %+v, error %v", reply.LogProbs, err)
	}
}

// Whatever tokens write a breaker, DRY sees it.
func TestBreakers(t *testing.T) {
	t.Parallel()
	a := withWords(t)
	has := func(texts []string, want ...[]int32) {
		t.Helper()
		got := a.breaking(texts)
		for _, q := range want {
			if !slices.ContainsFunc(got, func(g []int32) bool { return slices.Equal(g, q) }) {
				t.Errorf("%q: %v, want %v among them", texts, got, q)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%q: %v, want %v", texts, got, want)
		}
	}
	has([]string{":"}, []int32{11}, []int32{12})
	has([]string{"lamp"}, []int32{3})
	has([]string{"s ", ""}, []int32{8, 9, 9}) // the tokenizer puts a space before every text, as llama.cpp's does
	if a.dryBreakers(nil) != a.dryBreakers(DefaultBreakers) {
		t.Error("the same breakers were made twice")
	}
	if a.dryBreakers([]string{}) == a.dryBreakers(nil) {
		t.Error("no breakers are not the default ones")
	}
}

func TestDRYHasBreakers(t *testing.T) {
	t.Parallel()
	a, s := scripted(t, "")
	for _, multiplier := range []float64{0, 1} {
		o := Options{Sampling: sample.Options{DRY: sample.DRY{Multiplier: multiplier}}}
		if _, err := a.Reply(t.Context(), []chat.Message{{Role: "user", Content: "x"}}, o, nil); err != nil {
			t.Fatal(err)
		}
		if got := s.asked.Sampling.DRY.Breakers; (got != nil) != (multiplier > 0) {
			t.Errorf("multiplier %v: breakers %v", multiplier, got)
		}
	}
}
