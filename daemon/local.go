package daemon

import (
	"context"
	"math/rand/v2"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/calibrate"
)

// engineModel is a Model on our own engine.
type engineModel struct {
	assistant   *assistant.Assistant
	calibration *calibrate.Calibration // nil: none
	info        ModelInfo
	openings    *openings // nil: none are kept ready
	engines     *engines  // nil: nobody asks
}

var _ Model = (*engineModel)(nil)

func (m *engineModel) Info() ModelInfo { return m.info }

// Settle prepares for questions, while those that come are answered.
func (m *engineModel) Settle() { m.openings.settle() }

// Pulse implements [Model].
func (m *engineModel) Pulse() infer.Pulse { return m.assistant.Pulse() }

func (m *engineModel) Close() error {
	m.openings.stop()
	defer m.engines.remove(m.assistant)
	return m.assistant.Close()
}

// Answer generates; without a temperature it is greedy, which is how the
// calibration was made.
func (m *engineModel) Answer(ctx context.Context, q router.Question, emit func(string) error) (router.LocalAnswer, error) {
	messages := make([]chat.Message, len(q.Messages))
	for i, msg := range q.Messages {
		messages[i] = chat.Message{Role: msg.Role, Content: msg.Content}
	}
	r, err := m.assistant.Reply(ctx, messages, assistant.Options{
		MaxTokens: q.Options.MaxTokens, Sampling: sampling(q.Options), Stop: q.Options.Stop, IgnoreEOS: q.Options.IgnoreEOS,
		LogProbs: q.Options.LogProbs, Breakers: breakers(q.Options.DRY),
	}, emit)
	if err != nil {
		return router.LocalAnswer{}, err
	}
	a := router.LocalAnswer{
		Text: r.Text, Finish: r.Finish, PromptTokens: r.PromptTokens,
		Model: m.info.Model(), Calibration: m.calibration,
		Tokens: make([]calibrate.Token, len(r.Tokens)), LogProbs: logProbs(r.LogProbs),
	}
	for i, t := range r.Tokens {
		a.Tokens[i] = calibrate.Token{LogProb: t.LogProb, Margin: t.Margin}
	}
	return a, nil
}

// sampling translates the options. Without a seed every answer is drawn anew.
// Mirostat, which works on what a temperature leaves, has the temperature 1 if
// none is asked for.
func sampling(o router.Options) sample.Options {
	s := sample.Options{
		TopK: o.TopK, MinP: o.MinP, TypicalP: o.TypicalP, RepetitionPenalty: o.Repetition,
		FrequencyPenalty: o.Frequency, PresencePenalty: o.Presence, LogitBias: o.LogitBias,
		Top: o.TopLogProbs, Seed: rand.Uint64(),
	}
	if d := o.DRY; d != nil {
		s.DRY = sample.DRY{Multiplier: d.Multiplier, Base: d.Base, AllowedLength: d.AllowedLength, Range: d.Range}
	}
	if m := o.Mirostat; m != nil {
		s.Mirostat, s.Temperature = sample.Mirostat{Tau: m.Tau, Eta: m.Eta}, 1
	}
	if o.Temperature != nil {
		s.Temperature = *o.Temperature
	}
	if o.TopP != nil {
		s.TopP = *o.TopP
	}
	if o.Seed != nil {
		s.Seed = uint64(*o.Seed)
	}
	return s
}

func breakers(d *router.DRY) []string {
	if d == nil {
		return nil
	}
	return d.Breakers
}

func logProbs(in []assistant.LogProb) []router.LogProb {
	if in == nil {
		return nil
	}
	out := make([]router.LogProb, len(in))
	for i, p := range in {
		out[i] = router.LogProb{Text: p.Text, Bytes: p.Bytes, LogProb: p.LogProb, Top: logProbs(p.Top)}
	}
	return out
}
