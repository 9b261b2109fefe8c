package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/chat/toolcall"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/grammar"
	"github.com/a472be26/cusp/infer/sample"
)

const callSchema = `{"type": "object", "properties": {"name": {"const": "f"}, "arguments": {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]}}, "required": ["name", "arguments"]}`

func constrained(t *testing.T, a *Assistant, schema string) *grammar.Machine {
	t.Helper()
	m, err := a.Constrain(schema, func() (*grammar.Grammar, error) {
		return grammar.FromSchema([]byte(schema), grammar.SchemaOptions{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A random model writes what the schema allows, and nothing else.
func TestGrammarHolds(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	for seed := range uint64(4) {
		reply, err := a.Reply(t.Context(), []chat.Message{{Role: "user", Content: "x"}}, Options{
			Grammar: constrained(t, a, callSchema), MaxTokens: 200, IgnoreEOS: true, Split: true,
			Sampling: sample.Options{Temperature: 1, Seed: seed},
		}, nil)
		var v struct {
			Name      string
			Arguments struct{ A int }
		}
		if err != nil || json.Unmarshal([]byte(reply.Text), &v) != nil || v.Name != "f" || v.Arguments.A < 1 || v.Arguments.A > 2 || reply.Finish != infer.FinishStop {
			t.Errorf("%q, finish %s, error %v", reply.Text, reply.Finish, err)
		}
	}
}

func TestForcedCall(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	var events toolcall.Answer
	reply, err := a.Reply(t.Context(), []chat.Message{{Role: "user", Content: "x"}}, Options{
		Grammar: constrained(t, a, callSchema), MaxTokens: 200, Split: true, Called: true,
		Sampling: sample.Options{Temperature: 1, Seed: 3},
		Events:   func(e toolcall.Event) error { events.Add(e); return nil },
	}, func(delta string) error { return fmt.Errorf("text %q", delta) })
	if err != nil || len(reply.ToolCalls) != 1 || reply.ToolCalls[0].Name != "f" || !strings.Contains(reply.ToolCalls[0].Arguments, `"a"`) || reply.Text != "" {
		t.Fatalf("%+v, error %v", reply, err)
	}
	if len(events.Calls) != 1 || chat.ToolCall(events.Calls[0]) != reply.ToolCalls[0] {
		t.Errorf("events %+v", events)
	}
	// Cut off, it is text, without the mark that is ours.
	reply, err = a.Reply(t.Context(), []chat.Message{{Role: "user", Content: "x"}}, Options{
		Grammar: constrained(t, a, callSchema), MaxTokens: 12, Split: true, Called: true,
	}, nil)
	if err != nil || len(reply.ToolCalls) != 0 || !strings.HasPrefix(reply.Text, `{`) || reply.Finish != infer.FinishLength {
		t.Errorf("%+v, error %v", reply, err)
	}
}

// Reasoning that the prompt opens is free, and the grammar begins behind it.
func TestGrammarBehindReasoning(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	m := a.newMask(constrained(t, a, `{"type": "boolean"}`), "<|assistant|><think>\n")
	logits := make([]float32, a.tokens.Size())
	allowed := func() (n int) {
		clear(logits)
		m.Mask(logits)
		for _, l := range logits {
			if !math.IsInf(float64(l), -1) {
				n++
			}
		}
		return n
	}
	for _, id := range ids("so {</think> \n") {
		if id == 'o' && allowed() != len(logits) {
			t.Error("reasoning is restricted")
		}
		if m.thinks == "" {
			break
		}
		m.Accept(id)
	}
	if n := allowed(); n == 0 || n > 12 {
		t.Errorf("%d tokens are allowed behind the reasoning", n)
	}
	free := a.newMask(constrained(t, a, `{"type": "boolean"}`), "<|assistant|>")
	if free.thinks != "" {
		t.Error("the grammar waits for reasoning that nothing opened")
	}
}

func TestMachinesAreKept(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	made := 0
	get := func(name string) *grammar.Machine {
		m, err := a.Constrain(name, func() (*grammar.Grammar, error) { made++; return grammar.JSONObject(), nil })
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := get("0")
	for i := range 20 {
		get(fmt.Sprint(i))
		if get("0") != first {
			t.Fatal("a machine in use was dropped")
		}
	}
	if made != 20 || len(a.constraints.machines) != maxMachines {
		t.Errorf("%d made, %d kept", made, len(a.constraints.machines))
	}
	broken := errors.New("broken")
	if _, err := a.Constrain("broken", func() (*grammar.Grammar, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	a, s := scripted(t, "lazy")
	for _, c := range []struct {
		prompt Text
		want   []int32
	}{
		{Text{Text: "the <|end|>"}, ids("the <|end|>")},
		{Text{Text: "x" + border}, ids("x\uFDD0")},
		{Text{Tokens: []int32{65, idEnd}}, []int32{65, idEnd}},
	} {
		reply, err := a.Complete(t.Context(), c.prompt, Options{}, nil)
		if err != nil || reply.Text != "lazy" || a.tokens.Decode(s.asked.Prompt) == "" {
			t.Errorf("%+v, error %v", reply, err)
		}
		if c.prompt.Text != "x"+border && !reflect.DeepEqual(s.asked.Prompt, c.want) {
			t.Errorf("prompt %v, want %v", s.asked.Prompt, c.want)
		}
	}
	var option *sample.OptionError
	for _, bad := range []Text{{}, {Tokens: []int32{-1}}, {Tokens: []int32{vocabulary}}} {
		if _, err := a.Complete(t.Context(), bad, Options{}, nil); !errors.As(err, &option) || option.Option != "prompt" {
			t.Errorf("%v: error %v", bad, err)
		}
	}
}

// recorder notes what is embedded.
type recorder struct {
	script
	texts [][]int32
}

func (r *recorder) Embed(_ context.Context, texts [][]int32, _ infer.Embedding) ([][]float32, error) {
	r.texts = texts
	return make([][]float32, len(texts)), nil
}

func TestEmbedFramesTexts(t *testing.T) {
	t.Parallel()
	meta := append(textMeta(), gguf.KV{Key: "tokenizer.ggml.add_bos_token", Value: true}, gguf.KV{Key: "tokenizer.ggml.bos_token_id", Value: uint32(idUser)},
		gguf.KV{Key: "tokenizer.ggml.add_eos_token", Value: true})
	f, err := gguf.Parse("x.gguf", file(t, int(vocabulary), meta))
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(f, Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	a.engine.Close()
	r := &recorder{}
	a.engine = r
	vectors, n, err := a.Embed(t.Context(), []Text{{Text: "a<|end|>"}, {Tokens: []int32{9}}})
	want := [][]int32{append(append([]int32{idUser}, ids("a<|end|>")...), idEnd), {9}}
	if err != nil || len(vectors) != 2 || n != 10+1 || !reflect.DeepEqual(r.texts, want) {
		t.Errorf("%v, %d tokens, error %v", r.texts, n, err)
	}
	if a.Embeds() {
		t.Error("a decoder embeds")
	}
}
