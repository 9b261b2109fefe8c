package sample

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
)

// reference is a file of testdata, which the script beside it made with another
// implementation.
type reference struct {
	Cases []referenceCase
}

type referenceCase struct {
	Options struct {
		Temperature *float64          // 1 if not given
		TopK        int               `json:"top_k"`
		TypicalP    float64           `json:"typical_p"`
		TopP        float64           `json:"top_p"`
		MinP        float64           `json:"min_p"`
		Repetition  float64           `json:"repetition_penalty"`
		Frequency   float64           `json:"frequency_penalty"`
		Presence    float64           `json:"presence_penalty"`
		Bias        map[int32]float64 `json:"logit_bias"`
		Multiplier  float64           `json:"dry_multiplier"`
		Base        float64           `json:"dry_base"`
		Allowed     int               `json:"dry_allowed_length"`
		Range       int               `json:"dry_penalty_last_n"`
		Breakers    [][]int32         `json:"dry_breakers"`
		Tau         float64           `json:"mirostat_tau"`
		Eta         float64           `json:"mirostat_eta"`
	}
	Prompt, Answer []int32
	Logits         []float32
	Probs          map[string]float64 // of the tokens that are left
	Steps          []struct {         // of Mirostat
		Logits []float32
		Probs  map[string]float64
		Drawn  int32
	}
}

func (c referenceCase) options() Options {
	o := c.Options
	t := 1.
	if o.Temperature != nil {
		t = *o.Temperature
	}
	return Options{
		Temperature: t, TopK: o.TopK, TypicalP: o.TypicalP, TopP: o.TopP, MinP: o.MinP,
		RepetitionPenalty: o.Repetition, FrequencyPenalty: o.Frequency, PresencePenalty: o.Presence, LogitBias: o.Bias,
		DRY:      DRY{o.Multiplier, o.Base, o.Allowed, o.Range, NewBreakers(o.Breakers)},
		Mirostat: Mirostat{o.Tau, o.Eta},
	}
}

// left is the distribution that the last token was drawn from.
func (s *Sampler) left() map[string]float64 {
	probs := map[string]float64{}
	if s.options.filters() || s.options.Mirostat.Tau > 0 {
		total := s.keptMass()
		for _, c := range s.kept {
			probs[strconv.Itoa(int(c.id))] = float64(c.prob) / total
		}
		return probs
	}
	var total float64
	for _, p := range s.work {
		total += float64(p)
	}
	for id, p := range s.work {
		if p > 0 {
			probs[strconv.Itoa(id)] = float64(p) / total
		}
	}
	return probs
}

func differ(got, want map[string]float64) error {
	for id, p := range want {
		if q, ok := got[id]; !ok || math.Abs(p-q) > 1e-5 {
			return fmt.Errorf("token %s has %.7f, want %.7f", id, q, p)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d tokens are left, want %d", len(got), len(want))
	}
	return nil
}

// What is left of random logits, and with which probabilities, is what Hugging
// Face's processors and llama.cpp's samplers leave in the same order.
func TestReferences(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]int{"huggingface": 26, "llamacpp": 52} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var file reference
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		if len(file.Cases) < least {
			t.Errorf("%s: %d cases, want %d", name, len(file.Cases), least)
		}
		for i, c := range file.Cases {
			if err := c.run(); err != nil {
				t.Errorf("%s, case %d, %+v: %v", name, i, c.Options, err)
			}
		}
	}
}

func (c referenceCase) run() error {
	vocab := max(len(c.Logits), 40)
	s := New(vocab)
	if err := s.Reset(c.options(), c.Prompt); err != nil {
		return err
	}
	for _, id := range c.Answer {
		s.Accept(id)
	}
	for i, step := range c.Steps {
		if err := s.step(step.Logits, step.Probs, step.Drawn); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	if c.Steps != nil {
		return nil
	}
	if _, err := s.Sample(c.Logits); err != nil {
		return err
	}
	return differ(s.left(), c.Probs)
}

// step is one of Mirostat, after which the sampler learns from the token that
// the reference drew instead of its own.
func (s *Sampler) step(logits []float32, want map[string]float64, drawn int32) error {
	before, m := s.mu, s.options.Mirostat
	got, err := s.Sample(logits)
	if err != nil {
		return err
	}
	left := s.left()
	learned := func(id int32) float64 {
		return before - m.Eta*(-math.Log2(left[strconv.Itoa(int(id))])-m.Tau)
	}
	if mu := learned(got.ID); math.Abs(s.mu-mu) > 1e-5 {
		return fmt.Errorf("mu is %v, want %v", s.mu, mu)
	}
	s.mu = learned(drawn)
	return differ(left, want)
}
