// Package assistant answers conversations: messages in, text and the
// log-probabilities of its tokens out. It puts together the chat template, the
// tokenizer and the engine of one model file, and is the one way into infer for
// callers that have text.
//
// It promises that nothing that comes from outside becomes a control token of
// the prompt, be it in the text of a message, a tool call, its result, the
// description of a tool, a document or a variable; that text comes out in whole
// runes and never holds a stop string; and that Close waits for the answers
// under way. It decides nothing about the answers: confidence and routing are
// elsewhere, and so is the calling of tools.
package assistant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/chat/toolcall"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/prefix"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// Config sizes the engine; zero values take its defaults.
type Config struct {
	Threads   int    // that compute
	Context   int    // tokens of one prompt and its answer
	Sequences int    // answers under way at the same time
	Queue     int    // questions that wait beyond those
	Rows      int    // tokens of one forward pass
	Chunk     int    // of those, tokens of prompts while other answers come
	KV        string // type of keys and values, one of infer.KVTypes
	KVBytes   int64  // most memory for them
	// Place puts the model somewhere else than on the CPU; nil: it stays. What it
	// returns is closed with the assistant if it is an io.Closer.
	Place func(model.Model) (model.Model, error)
}

func (o Config) engine() infer.Options {
	return infer.Options{
		Threads: o.Threads, Context: o.Context, Sequences: o.Sequences, Queue: o.Queue, Rows: o.Rows, Chunk: o.Chunk, KV: o.KV, KVBytes: o.KVBytes,
	}
}

// Footprint is what the engine of the model in f would take of memory beside the
// weights, where the process may have so many bytes; see [infer.Options.Footprint].
func (o Config) Footprint(f *gguf.File, memory float64) (infer.Footprint, error) {
	m, err := model.Load(f)
	if err != nil {
		return infer.Footprint{}, err
	}
	return o.engine().Footprint(m.Config(), memory)
}

// Assistant is one loaded model. It is safe for concurrent use.
type Assistant struct {
	name      string
	file      *gguf.File
	tokens    *tokenizer.Tokenizer
	template  *chat.Template
	format    toolcall.Format // of the model's tool calls
	engine    generator
	closeFile func() error // nil where the file is not ours
	config    model.Config
	breakers  breakers
	labels    []string // of an encoder that classifies

	constraints constraints

	mu      sync.Mutex     // guards closed
	closed  bool           // no more questions
	running sync.WaitGroup // calls of Reply; grows only under mu while not closed
}

// generator is what this package needs of an engine.
type generator interface {
	Generate(ctx context.Context, r infer.Request, emit func(infer.Token) error) (infer.Result, error)
	Embed(ctx context.Context, texts [][]int32, o infer.Embedding) ([][]float32, error)
	Classify(ctx context.Context, texts [][]int32) ([][]float32, error)
	Recall(store *prefix.Store, model string, tokens []int32) bool
	Memorize(ctx context.Context, store *prefix.Store, model string, tokens []int32) error
	Stats() infer.Stats
	SetThreads(n int)
	Pulse() infer.Pulse
	Close()
}

var _ generator = (*infer.Engine)(nil)

// Open loads the model file at path.
func Open(path string, o Config) (*Assistant, error) {
	f, err := modelfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	a, err := New(f, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	a.closeFile = f.Close
	return a, nil
}

// New makes an assistant of a model file, which must stay open until Close has
// returned; Close does not close it.
func New(f *gguf.File, o Config) (*Assistant, error) {
	// 1. The weights: they stay on disk, and a wrong architecture is named as such.
	m, err := model.Load(f)
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	// 2. The text side.
	tokens, err := tokenizer.Load(f)
	if err != nil {
		return nil, err
	}
	template, err := chat.Load(f)
	if err != nil {
		return nil, err
	}
	if vocab := m.Config().Vocab; tokens.Size() > vocab {
		return nil, fmt.Errorf("load model: %s: the tokenizer has %d tokens, the weights only %d", f.Name(), tokens.Size(), vocab)
	}
	// 3. The engine.
	engine, err := o.start(m)
	if err != nil {
		return nil, fmt.Errorf("start engine for %s: %w", f.Name(), err)
	}
	return &Assistant{name: name(f), file: f, tokens: tokens, template: template, format: toolcall.Detect(template.Source()), engine: engine, config: m.Config(), labels: labels(f, m.Config().Labels)}, nil
}

// start makes an engine of a model where it shall compute.
func (o Config) start(m model.Model) (generator, error) {
	if o.Place == nil {
		return infer.New(m, o.engine())
	}
	placed, err := o.Place(m)
	if err != nil {
		return nil, err
	}
	engine, err := infer.New(placed, o.engine())
	if err != nil {
		return nil, errors.Join(err, closeModel(placed))
	}
	return elsewhere{engine, placed}, nil
}

// elsewhere is an engine whose model is closed with it.
type elsewhere struct {
	*infer.Engine
	model model.Model
}

// Close implements generator. What does not close was lost already.
func (e elsewhere) Close() {
	e.Engine.Close()
	_ = closeModel(e.model)
}

func closeModel(m model.Model) error {
	if c, ok := m.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// name is what the file calls its model, or the file's own name.
func name(f *gguf.File) string {
	if n, err := f.String("general.name"); err == nil && n != "" {
		return strings.Clone(n) // outlives the file
	}
	return f.Name()
}

// Name returns the name of the model.
func (a *Assistant) Name() string { return a.name }

// Fingerprint tells the model's file from others; see [gguf.File.Fingerprint].
func (a *Assistant) Fingerprint() string { return fmt.Sprintf("%x", a.file.Fingerprint()) }

// Stats tells how the engine is doing.
func (a *Assistant) Stats() infer.Stats { return a.engine.Stats() }

// SetThreads changes with how many threads the engine computes.
func (a *Assistant) SetThreads(n int) { a.engine.SetThreads(n) }

// Pulse is the engine's sign of life.
func (a *Assistant) Pulse() infer.Pulse { return a.engine.Pulse() }

// Close refuses new questions, waits for the answers under way, and releases
// the model. A second Close does nothing.
func (a *Assistant) Close() error {
	a.mu.Lock()
	first := !a.closed
	a.closed = true
	a.mu.Unlock()
	// Tokens and templates may lie in the mapped file, so that nobody may be
	// left in Reply when it goes, not only in the engine.
	a.running.Wait()
	if !first {
		return nil
	}
	a.engine.Close()
	if a.closeFile == nil {
		return nil
	}
	if err := a.closeFile(); err != nil {
		return fmt.Errorf("close model: %w", err)
	}
	return nil
}

// enter counts a call of Reply in; running.Done counts it out.
func (a *Assistant) enter() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fmt.Errorf("answer with %s: %w", a.name, infer.ErrClosed)
	}
	a.running.Add(1)
	return nil
}
