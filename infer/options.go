package infer

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// Options sizes an engine. Zero values take the defaults.
type Options struct {
	Threads   int // that compute; default: kernel.DefaultThreads
	Context   int // tokens of one sequence, prompt and answer, or of an encoder's text; default: the model's, at most 4096
	Sequences int // generated at the same time; default 1
	Queue     int // requests that wait beyond those; default 64
	// Rows is the most tokens of one pass, and Chunk how many of them may
	// belong to prompts while others decode: more make prompts faster, fewer
	// the longest pause of a stream shorter. Defaults kernel.PromptRows, as far as
	// a pass does not take much memory, and 32. A text for an encoder is never cut,
	// so that it may have Rows tokens: default Context.
	Rows, Chunk int
	// KV is what keys and values are stored as, one of KVTypes; default f16.
	KV string
	// KVBytes bounds the memory for keys and values, those of earlier prompts
	// included. Default: what all sequences take at full length, at most half
	// of the machine's memory or of what its control group may have.
	KVBytes int64
}

// KVTypes are what keys and values can be stored as: float32, binary16, or INT8
// with a scale for each 32 numbers of a key and for each value of a head.
var KVTypes = []string{"f16", "f32", "q8_0"}

const (
	defaultContext = 4096
	defaultQueue   = 64
	// A pass has more than leastRows rows only where they take no more than passBytes.
	leastRows = 256
	passBytes = 32 << 20
	// defaultChunk is a few times the work of one token on a machine that is
	// bound by its memory.
	defaultChunk = 32
	maxRows      = 4096
)

func or(value, otherwise int) int {
	if value == 0 {
		return otherwise
	}
	return value
}

// complete fills in the defaults for a model where there is some memory, and says
// how many pages to make.
func (o Options) complete(c model.Config, m memory) (Options, int, error) {
	o.Threads = or(o.Threads, kernel.DefaultThreads())
	o.Context = or(o.Context, min(c.Context, defaultContext))
	o.Sequences = or(o.Sequences, 1)
	o.Queue = or(o.Queue, defaultQueue)
	o.Rows = or(o.Rows, o.defaultRows(c))
	o.Chunk = or(o.Chunk, min(defaultChunk, o.Rows))
	if o.KV == "" {
		o.KV = "f16"
	}
	if err := o.check(c); err != nil {
		return o, 0, err
	}
	n, err := o.fit(c, m)
	return o, n, err
}

func (o Options) defaultRows(c model.Config) int {
	rows := kernel.PromptRows()
	if float64(rows)*rowBytes(c) > passBytes {
		rows = min(rows, leastRows)
	}
	rows = max(rows, o.Sequences)
	if c.Kind != model.Decoder {
		rows = max(rows, min(o.Context, maxRows))
	}
	return rows
}

// text is how many tokens a text for an encoder may have.
func (o Options) text() int { return min(o.Context, o.Rows) }

// mostPages is how many pages a sequence may have at the same time.
func (o Options) mostPages(c model.Config) int {
	switch c.Kind {
	case model.Encoder:
		return pagesFor(o.text())
	case model.EncoderDecoder:
		return pagesFor(o.text()) + pagesFor(o.Context)
	}
	return min(pagesFor(o.Context), pagesFor(c.Held(o.Rows)))
}

// longest is how many tokens a sequence may have in so many pages.
func (o Options) longest(c model.Config, pages int) int {
	if c.Window > 0 && pages >= o.mostPages(c) {
		return o.Context
	}
	return min(o.Context, pages*model.PageTokens)
}

func (o Options) check(c model.Config) error {
	switch {
	case o.Threads < 1 || o.Threads > 1024:
		return fmt.Errorf("infer: %d threads, not between 1 and 1024", o.Threads)
	case o.Context < 2 || o.Context > c.Context:
		return fmt.Errorf("infer: context of %d tokens, not between 2 and the model's %d", o.Context, c.Context)
	case o.Sequences < 1 || o.Sequences > maxRows:
		return fmt.Errorf("infer: %d sequences, not between 1 and %d", o.Sequences, maxRows)
	case o.Rows < 1 || o.Rows > maxRows:
		return fmt.Errorf("infer: %d rows, not between 1 and %d", o.Rows, maxRows)
	case o.Chunk < 1 || o.Chunk > o.Rows:
		return fmt.Errorf("infer: chunks of %d rows, not between 1 and the %d of a pass", o.Chunk, o.Rows)
	case o.Sequences > o.Rows:
		return fmt.Errorf("infer: %d sequences are more than the %d rows of a pass", o.Sequences, o.Rows)
	case o.Queue < 1:
		return fmt.Errorf("infer: queue of %d requests, not 1 or more", o.Queue)
	case !slices.Contains(KVTypes, o.KV):
		return fmt.Errorf("infer: keys and values as %q: %s are possible", o.KV, strings.Join(KVTypes, ", "))
	case o.KVBytes < 0:
		return fmt.Errorf("infer: %d bytes for keys and values, not 0 or more", o.KVBytes)
	}
	return nil
}

// kind is the type of keys and values.
func (o Options) kind() quant.Type {
	switch o.KV {
	case "f32":
		return quant.F32
	case "q8_0":
		return quant.Q8_0
	}
	return quant.F16
}

// fit says how many pages there are room for. The numbers of a model file are
// only claims, and a Go program does not survive an allocation that fails:
// sizes are floats, because no product of a file's numbers overflows one.
func (o Options) fit(c model.Config, m memory) (int, error) {
	page := c.PageBytes(o.kind())
	known := page + float64(unsafe.Sizeof(node{})) // with what is remembered of it
	pages := min(float64(o.Sequences)*float64(o.mostPages(c)), math.Floor(m.bytes/2/known))
	if o.KVBytes > 0 {
		pages = math.Floor(float64(o.KVBytes) / page)
	}
	need := pages*known + o.runBytes(c)
	switch {
	case pages < 1 && o.KVBytes > 0:
		return 0, fmt.Errorf("infer: %d bytes for keys and values hold not one page: %d tokens take %.0f bytes with this model; allow more", o.KVBytes, model.PageTokens, page)
	case pages < 1:
		return 0, fmt.Errorf("infer: the keys and values of %d tokens take %.3g GB with this model, more than half of %v", model.PageTokens, page/1e9, m)
	case need > m.bytes:
		return 0, fmt.Errorf("infer: %.3g GB for keys and values and %.3g GB for passes of %d tokens are more than %v; choose a smaller context, less memory for keys and values, or fewer rows",
			pages*page/1e9, o.runBytes(c)/1e9, o.Rows, m)
	case pages > math.MaxInt32-1:
		return 0, fmt.Errorf("infer: %.3g pages of keys and values are more than can be counted; choose a smaller context", pages)
	}
	return int(pages), nil
}

// runBytes is about what the engine takes beyond weights and pages: the rows of a
// pass; and for every sequence the logits and what the sampler has for each token:
// a probability, a candidate, and, where options count, three numbers.
func (o Options) runBytes(c model.Config) float64 {
	return float64(o.Rows)*rowBytes(c) + float64(o.Sequences)*32*float64(c.Vocab)
}

// rowBytes is about what a row of a pass takes: its widest vectors.
func rowBytes(c model.Config) float64 {
	heads, kv := float64(c.Heads)*float64(c.HeadDim), float64(c.KVHeads)*float64(c.HeadDim)
	row := 4 * (4*float64(c.Dim) + 2*heads + 2*kv + 2*float64(c.FFN))
	if c.Experts > 0 {
		row += 4 * (2*float64(c.Dim) + 3*float64(c.Experts))
	}
	return row
}
