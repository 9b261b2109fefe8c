package api

import (
	"math"
	"strconv"

	"github.com/a472be26/cusp/router"
)

// Bounds of sampling settings, beside those in their checks.
const (
	maxBiases       = 1024
	maxTopLogProbs  = 20 // OpenAI's
	maxBreakers     = 16
	maxBreakerBytes = 40 // llama.cpp's
	maxAllowed      = 1024
	maxDRYRange     = 1 << 15
	defaultTau      = 5 // llama.cpp's
)

// wireSampling is what a request says of how tokens are chosen and what is told
// of them. The names are OpenAI's where OpenAI has them, elsewhere those of
// llama.cpp's server and others of local models. An option that is not given has
// no effect.
type wireSampling struct {
	Temperature *float64           `json:"temperature"`
	TopP        *float64           `json:"top_p"`
	Frequency   *float64           `json:"frequency_penalty"`
	Presence    *float64           `json:"presence_penalty"`
	LogitBias   map[string]float64 `json:"logit_bias"`
	LogProbs    bool               `json:"logprobs"`
	TopLogProbs *int64             `json:"top_logprobs"`
	// Not OpenAI's.
	TopK        *int64   `json:"top_k"`
	MinP        *float64 `json:"min_p"`
	TypicalP    *float64 `json:"typical_p"`
	Repetition  *float64 `json:"repetition_penalty"`
	Multiplier  *float64 `json:"dry_multiplier"`
	Base        *float64 `json:"dry_base"`
	Allowed     *int64   `json:"dry_allowed_length"`
	Range       *int64   `json:"dry_penalty_last_n"`
	Breakers    []string `json:"dry_sequence_breakers"`
	Mirostat    *int64   `json:"mirostat"`
	MirostatTau *float64 `json:"mirostat_tau"`
	MirostatEta *float64 `json:"mirostat_eta"`
}

// sampling checks the settings and writes them into o.
func (w *wireSampling) sampling(o *router.Options) error {
	for _, v := range []struct {
		param     string
		value     *float64
		low, high float64
		to        *float64 // nil: written below
	}{
		{"temperature", w.Temperature, 0, 2, nil},
		{"top_p", w.TopP, 0, 1, nil},
		{"min_p", w.MinP, 0, 1, &o.MinP},
		{"typical_p", w.TypicalP, 0, 1, &o.TypicalP},
		{"repetition_penalty", w.Repetition, 0.1, 10, &o.Repetition},
		{"frequency_penalty", w.Frequency, -2, 2, &o.Frequency},
		{"presence_penalty", w.Presence, -2, 2, &o.Presence},
	} {
		if err := between(v.param, v.value, v.low, v.high); err != nil {
			return err
		}
		if v.to != nil && v.value != nil {
			*v.to = *v.value
		}
	}
	o.Temperature, o.TopP = w.Temperature, w.TopP
	if err := within("top_k", w.TopK, 0, maxTokens); err != nil {
		return err
	}
	o.TopK = int(orZero(w.TopK))
	for _, read := range []func(*router.Options) error{w.bias, w.logProbs, w.dry, w.mirostat} {
		if err := read(o); err != nil {
			return err
		}
	}
	return nil
}

// bias reads logit_bias. Whether the model has the tokens is for the model to say.
func (w *wireSampling) bias(o *router.Options) error {
	if len(w.LogitBias) > maxBiases {
		return invalid("logit_bias", "logit_bias has %d tokens; at most %d are supported", len(w.LogitBias), maxBiases)
	}
	if len(w.LogitBias) > 0 {
		o.LogitBias = make(map[int32]float64, len(w.LogitBias))
	}
	for key, by := range w.LogitBias {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil || id < 0 || strconv.FormatInt(id, 10) != key {
			return invalid("logit_bias", "logit_bias has the member %.40q; it must be the id of a token", key)
		}
		if err := between("logit_bias", &by, -100, 100); err != nil {
			return err
		}
		o.LogitBias[int32(id)] = by
	}
	return nil
}

func (w *wireSampling) logProbs(o *router.Options) error {
	if err := within("top_logprobs", w.TopLogProbs, 0, maxTopLogProbs); err != nil {
		return err
	}
	o.LogProbs, o.TopLogProbs = w.LogProbs, int(orZero(w.TopLogProbs))
	if o.TopLogProbs > 0 && !o.LogProbs {
		return invalid("top_logprobs", "top_logprobs is %d, but logprobs is not true", o.TopLogProbs)
	}
	return nil
}

// dry reads DRY's settings. As in llama.cpp, a multiplier or a range of 0
// switches it off, and a range of -1 is as wide as it can be.
func (w *wireSampling) dry(o *router.Options) error {
	d := router.DRY{Breakers: w.Breakers}
	if err := between("dry_multiplier", w.Multiplier, 0, 100); err != nil {
		return err
	}
	if err := between("dry_base", w.Base, 1, 100); err != nil {
		return err
	}
	if err := within("dry_allowed_length", w.Allowed, 1, maxAllowed); err != nil {
		return err
	}
	if err := within("dry_penalty_last_n", w.Range, -1, maxDRYRange); err != nil {
		return err
	}
	if len(d.Breakers) > maxBreakers {
		return invalid("dry_sequence_breakers", "dry_sequence_breakers has %d strings; at most %d are supported", len(d.Breakers), maxBreakers)
	}
	for i, s := range d.Breakers {
		if s == "" || len(s) > maxBreakerBytes {
			return invalid("dry_sequence_breakers", "dry_sequence_breakers[%d] has %d bytes; it must have between 1 and %d", i, len(s), maxBreakerBytes)
		}
	}
	d.Multiplier, d.Base, d.AllowedLength, d.Range = orZero(w.Multiplier), orZero(w.Base), int(orZero(w.Allowed)), int(orZero(w.Range))
	if d.Range < 0 {
		d.Range = maxDRYRange
	}
	if d.Multiplier > 0 && (w.Range == nil || *w.Range != 0) {
		o.DRY = &d
	}
	return nil
}

func (w *wireSampling) mirostat(o *router.Options) error {
	if v := orZero(w.Mirostat); v != 0 && v != 2 {
		return invalid("mirostat", "mirostat is %d; it must be 0 (off) or 2, the version that is supported", v)
	}
	m := router.Mirostat{Tau: defaultTau, Eta: orZero(w.MirostatEta)}
	if err := between("mirostat_tau", w.MirostatTau, 0.01, 100); err != nil {
		return err
	}
	if err := between("mirostat_eta", w.MirostatEta, 0.0001, 1); err != nil {
		return err
	}
	if w.MirostatTau != nil {
		m.Tau = *w.MirostatTau
	}
	if orZero(w.Mirostat) == 2 {
		o.Mirostat = &m
	}
	return nil
}

func orZero[T int64 | float64](v *T) T {
	if v == nil {
		return 0
	}
	return *v
}

// between refuses v outside of [low, high]; nil passes.
func between(param string, v *float64, low, high float64) error {
	if v != nil && (math.IsNaN(*v) || *v < low || *v > high) {
		return invalid(param, "%s is %g; it must be between %g and %g", param, *v, low, high)
	}
	return nil
}

// within is between for whole numbers.
func within(param string, v *int64, low, high int64) error {
	if v != nil && (*v < low || *v > high) {
		return invalid(param, "%s is %d; it must be between %d and %d", param, *v, low, high)
	}
	return nil
}
