package daemon

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"strconv"

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
	places      *places   // nil: nobody asks
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
func (m *engineModel) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.LocalAnswer, error) {
	if emit == nil {
		emit = func(router.Delta) error { return nil }
	}
	settings, pieces := m.settings(q.Options), &pieces{emit: emit, one: q.Options.OneCall}
	settings.Known = pieces.logProbs
	if err := m.constrain(q.Options, &settings); err != nil {
		return router.LocalAnswer{}, err
	}
	r, err := m.generate(ctx, q, settings, pieces)
	m.places.note(err)
	if err != nil {
		return router.LocalAnswer{}, err
	}
	a := router.LocalAnswer{
		Text: r.Text, Reasoning: r.Reasoning, ToolCalls: pieces.calls, Notes: r.Notes, Finish: r.Finish, PromptTokens: r.PromptTokens,
		Model: m.info.Model(), Calibration: m.calibration,
		Tokens: make([]calibrate.Token, len(r.Tokens)), LogProbs: logProbs(r.LogProbs),
	}
	if len(a.ToolCalls) > 0 && a.Finish == infer.FinishStop {
		a.Finish = finishCalls
	}
	for i, t := range r.Tokens {
		a.Tokens[i] = calibrate.Token{LogProb: t.LogProb, Margin: t.Margin}
	}
	return a, nil
}

// generate answers messages, or continues a text.
func (m *engineModel) generate(ctx context.Context, q router.Question, settings assistant.Options, pieces *pieces) (assistant.Reply, error) {
	if q.Prompt != "" || len(q.PromptTokens) > 0 {
		settings.Split = false
		return m.assistant.Complete(ctx, assistant.Text{Text: q.Prompt, Tokens: q.PromptTokens}, settings, pieces.text)
	}
	settings.Events = pieces.add
	messages := make([]chat.Message, len(q.Messages))
	for i, msg := range q.Messages {
		messages[i] = chat.Message{Role: msg.Role, Content: msg.Content, Reasoning: msg.Reasoning, Name: msg.Name, ToolCallID: msg.ToolCallID}
		for _, c := range msg.ToolCalls {
			messages[i].ToolCalls = append(messages[i].ToolCalls, chat.ToolCall(c))
		}
	}
	return m.assistant.Reply(ctx, messages, settings, nil)
}

// finishCalls ends an answer that wants tools called.
const finishCalls = "tool_calls"

// settings translates the options of an answer.
func (m *engineModel) settings(o router.Options) assistant.Options {
	s := assistant.Options{
		MaxTokens: o.MaxTokens, Sampling: sampling(o), Stop: o.Stop, IgnoreEOS: o.IgnoreEOS,
		LogProbs: o.LogProbs, Breakers: breakers(o.DRY), Variables: variables(o), Split: true,
	}
	if len(o.Tools) > 0 && o.ToolChoice != router.ChoiceNone {
		s.Tools = o.Tools
	}
	s.NoCalls = s.Tools == nil
	return s
}

// variables are those of the chat template. Templates know the effort of
// reasoning by its name, and many only whether there shall be any.
func variables(o router.Options) map[string]json.RawMessage {
	all := maps.Clone(o.Variables)
	if o.ReasoningEffort == "" {
		return all
	}
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	effort, _ := json.Marshal(o.ReasoningEffort)
	for name, value := range map[string]json.RawMessage{
		"reasoning_effort": effort, "enable_thinking": json.RawMessage(strconv.FormatBool(o.ReasoningEffort != "none")),
	} {
		if _, given := all[name]; !given {
			all[name] = value
		}
	}
	return all
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
