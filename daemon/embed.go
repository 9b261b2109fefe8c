package daemon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/packaging/bundle"
)

// vectorizer is what a Model is too if it may make vectors of texts.
type vectorizer interface {
	// Embeds tells whether it does, and so answers no questions.
	Embeds() bool
	// Embed returns a vector for each text and how many tokens they have together.
	Embed(ctx context.Context, texts []assistant.Text) ([][]float32, int, error)
	// Labels are the classes that it tells texts apart by; nil if it does not.
	Labels() []string
	// Classify returns the probability of each class for each text, and how many
	// tokens they have together.
	Classify(ctx context.Context, texts []assistant.Text) ([][]float64, int, error)
}

var _ vectorizer = (*engineModel)(nil)

// Embeds implements vectorizer.
func (m *engineModel) Embeds() bool { return m.assistant.Embeds() }

// Labels implements vectorizer.
func (m *engineModel) Labels() []string { return m.assistant.Labels() }

// Classify implements vectorizer.
func (m *engineModel) Classify(ctx context.Context, texts []assistant.Text) ([][]float64, int, error) {
	return m.assistant.Classify(ctx, texts)
}

// Embed implements vectorizer.
func (m *engineModel) Embed(ctx context.Context, texts []assistant.Text) ([][]float32, int, error) {
	return m.assistant.Embed(ctx, texts)
}

// embeds is a model as one that makes vectors, nil if it makes none.
func embeds(m Model) vectorizer {
	if v, ok := m.(vectorizer); ok && v.Embeds() {
		return v
	}
	return nil
}

// vectors makes vectors of texts for the API: with the model that serves if it
// makes them, else with the one that is configured for it.
type vectors struct {
	models *Models
	memory *reserve
	second Model // nil: none is configured
	since  time.Time
	work   *work
}

var (
	_ api.Embedder   = (*vectors)(nil)
	_ api.Classifier = (*vectors)(nil)
)

// Embed implements [api.Embedder].
func (v *vectors) Embed(ctx context.Context, texts []api.Text) (api.Vectors, error) {
	out, none := api.Vectors{}, error(api.NoEmbeddings())
	err := v.with(none, func(e vectorizer, name string) (err error) {
		out.Model = name
		out.Values, out.Tokens, err = e.Embed(ctx, assistantTexts(texts))
		return err
	})
	return out, err
}

// Classify implements [api.Classifier].
func (v *vectors) Classify(ctx context.Context, texts []api.Text) (api.Classes, error) {
	out, none := api.Classes{}, error(api.NoClassifier())
	err := v.with(none, func(e vectorizer, name string) (err error) {
		out.Model, out.Labels = name, e.Labels()
		if out.Labels == nil {
			return none
		}
		out.Probabilities, out.Tokens, err = e.Classify(ctx, assistantTexts(texts))
		return err
	})
	return out, err
}

// with calls f with the model that serves if it makes vectors, or with the second
// one; where there is neither, the error is none.
func (v *vectors) with(none error, f func(e vectorizer, name string) error) error {
	if err := v.memory.check(); err != nil {
		return asClientError(err, "input")
	}
	defer v.work.begin()()
	if s, _, err := v.models.acquire(); err == nil {
		defer v.models.release(s)
		if e := embeds(s.model); e != nil {
			return asClientError(f(e, s.info.String()), "input")
		}
	}
	if v.second == nil {
		return none
	}
	return asClientError(f(embeds(v.second), v.second.Info().String()), "input")
}

func assistantTexts(texts []api.Text) []assistant.Text {
	out := make([]assistant.Text, len(texts))
	for i, t := range texts {
		out[i] = assistant.Text(t)
	}
	return out
}

// listed is the second model as the API lists it.
func (v *vectors) listed() []api.Model {
	if v.second == nil {
		return nil
	}
	return []api.Model{listed(v.second.Info(), v.since, true)}
}

// limit makes the second model compute with so many of its threads.
func (v *vectors) limit(threads func(of int) int) {
	if v == nil || v.second == nil {
		return
	}
	if m, ok := v.second.(*engineModel); ok {
		m.assistant.SetThreads(threads(m.assistant.Stats().MaxThreads))
	}
}

// listed is a model as the API lists it.
func listed(i ModelInfo, since time.Time, embeds bool) api.Model {
	m := api.Model{ID: i.Name, Created: since, Owner: "cusp", Embeds: embeds}
	if i.Version != "" {
		m.Aliases = []string{i.String()}
	}
	return m
}

// second is how the model for embeddings runs: what is about the size of the first
// one does not hold for it.
func (c ModelConfig) second() ModelConfig {
	c.Name, c.Context, c.KVMemory, c.BatchTokens, c.PrefillChunk = "", 0, 0, 0, 0
	return c
}

// openVectors loads the second model, under the same policy as the first one.
func (d *device) openVectors() error {
	d.vectors = &vectors{models: d.models, memory: d.memory, since: time.Now(), work: d.work}
	path := d.cfg.Embeddings.Model
	if path == "" {
		return nil
	}
	l := bundleLoader{cfg: d.cfg.Model.second(), places: d.places}
	load := func() (Model, error) { return l.loadPlain(path) }
	if _, err := os.Stat(filepath.Join(path, bundle.ManifestFile)); err == nil {
		load = func() (Model, error) { return l.loadBundle(path) }
	}
	m, err := load()
	if err != nil {
		return fmt.Errorf("embeddings.model: %w", err)
	}
	d.closing("embedding model", m.Close)
	if embeds(m) == nil {
		return fmt.Errorf("embeddings.model: %s makes no vectors of texts; choose an encoder, such as a BERT", path)
	}
	if err := tryVectors(d.ctx, embeds(m)); err != nil {
		return fmt.Errorf("embeddings.model: self-test of %s: %w", path, err)
	}
	d.vectors.second = m
	d.log.Info("embedding model serves", "model", m.Info().String(), "from", path)
	return nil
}

// tryVectors makes a vector of a short text and sees whether it is one.
func tryVectors(ctx context.Context, e vectorizer) error {
	values, _, err := e.Embed(ctx, []assistant.Text{{Text: "turn on the kitchen light"}})
	if err != nil {
		return err
	}
	length := 0.
	for _, x := range values[0] {
		length += float64(x) * float64(x)
	}
	if !(math.Abs(length-1) < 1e-3) { // NaN is none
		return errors.New("the vector's length is not 1; the weights are broken")
	}
	return nil
}
