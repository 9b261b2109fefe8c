// Package model turns the tensors of a model file into forward passes.
//
// Three types are kept apart: Config says how large everything is, the weights
// of an architecture lie read-only in the mapped file and may be shared by any
// number of runners, and a Runner owns what one pass after another writes to.
// The seam between the engine and the hardware is Runner.Forward: tokens,
// positions and pages of a batch in, logits or hidden states out. What a pass does
// is data: an architecture writes a Program when it is loaded. A GPU back end is
// another Model with another Runner that runs the same program.
//
// It speaks token ids only and knows no text.
package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// Model is a loaded model: its weights, which nothing changes any more. It is
// safe for concurrent use.
type Model interface {
	Config() Config
	// NewKV reserves memory for the keys and values of some pages, stored as
	// kind: F16, or F32 for exactness.
	NewKV(pages int, kind quant.Type) (KV, error)
	// NewRunner makes the run state for passes within the limits on a KV that
	// this model made, and that must outlive it.
	NewRunner(kv KV, limits Limits) (Runner, error)
}

// KV stores keys and values in pages of PageTokens positions, each of all
// layers. It is storage only: what a page holds, and whose it is, is known to
// its user, who says in every Sequence which pages hold its positions. Several
// sequences may share pages that none of them writes to. A page must not be
// written while a pass that reads it runs.
type KV interface {
	Pages() int
	PageBytes() int
	// Read copies a page out, and Write fills it, with PageBytes bytes that
	// only this machine and model understand. Read fails where the memory is
	// not the machine's and was lost; Forward will say so too.
	Read(dst []byte, page int32) error
	Write(page int32, src []byte)
	// Copy makes dst hold what src does.
	Copy(dst, src int32)
	// Close releases the memory.
	Close() error
}

// Runner runs forward passes, one at a time. It is not safe for concurrent use.
type Runner interface {
	// Forward runs the tokens of all sequences through the model, stores
	// their keys and values in the pages, and writes the logits that are
	// asked for, the same ones whoever else is in the batch. After an error
	// what the pages hold at the new positions is undefined; after one that is
	// ErrLost, all of the KV.
	Forward(batch []Sequence) error
	// Spread calls f(0) to f(n-1) on the threads of the runner, which have
	// nothing else to do between passes, and returns when all calls have.
	Spread(n int, f func(i int))
	// Close releases the run state.
	Close()
}

// ErrLost says that the memory of a KV was lost, as happens to a GPU's. The next
// pass may work again, with pages that hold nothing.
var ErrLost = errors.New("all keys and values are lost")

// Progress is what a Runner may have beside: a number that grows while a pass
// gets on, so that a long pass is told from one that is stuck. Safe to ask from
// any goroutine.
type Progress interface{ Progress() uint64 }

// Threads is what a Runner may have beside: a number of threads that can be
// lowered, and raised again up to Limits.Threads, at any time. What a pass computes
// does not depend on it.
type Threads interface {
	Threads() int
	SetThreads(n int)
}

// Leading is what a Runner may have beside: it gives Sequence.Leaders, so that the
// logits of all tokens can stay where they are computed.
type Leading interface {
	MostLeaders() int // that a sequence may want; 0: none
}

// Memory is what a Model may be beside, whose keys and values and run state are not
// in the machine's memory: how many bytes are free where they are.
type Memory interface{ Memory() float64 }

// Kind says what a model does with a text.
type Kind uint8

const (
	Decoder        Kind = iota // continues it
	Encoder                    // turns it into hidden states, or into scores of classes
	EncoderDecoder             // answers it: the decoder continues the answer, looking at the encoded source text
)

// Sequence is the share that one sequence has in a batch. With an Encoder it is
// a whole text.
type Sequence struct {
	Pages    []int32   // of the KV: page i holds the positions from i*PageTokens on; those before Position are filled
	Position int       // of the first token
	Tokens   []int32   // at consecutive positions, at least one
	Logits   []float32 // [Vocab], receives those after the last token, or [Labels] of an Encoder; nil: not wanted
	Leaders  *Leaders  // receives the largest of them instead, from a Runner that is Leading; nil: not wanted

	// Of an Encoder, and of the first part of a program.
	Hidden []float32 // [len(Tokens)][Dim], receives the last hidden states; nil: not wanted
	// Of the rest of a program.
	Input []float32 // [len(Tokens)][Dim], the hidden states that the first part gave

	// Of an EncoderDecoder: the text to answer, and the pages that hold what the
	// decoder sees of it, from when the part at position 0 has run.
	Source      []int32
	SourcePages []int32
}

// Answered tells whether what follows the last token is wanted: logits or leaders.
func (s *Sequence) Answered() bool { return s.Logits != nil || s.Leaders != nil }

// Leaders are the tokens of the largest logits.
type Leaders struct {
	IDs    []int32   // [as many as are wanted], by falling logit, the first of equal ones first
	Logits []float32 // [len(IDs)], theirs
	Rest   float32   // natural logarithm of the sum of exp(logit-Logits[0]) over the vocabulary
}

// Limits bounds what a Runner must be ready for.
type Limits struct {
	Threads   int // that compute, at least 1
	Sequences int // in one batch
	Rows      int // tokens of one batch, over all sequences
	Context   int // positions of one sequence
}

// architecture is a line of the table of what can run.
type architecture struct {
	bind   func(*source) (Config, decoder)
	models string // that have it, for people
}

// architectures has a line for every value of general.architecture that can run.
var architectures = map[string]architecture{
	"bart":     {newBART, "BART (text to text)"},
	"bert":     {newBERT, "BERT, RoBERTa, XLM-RoBERTa (embeddings, classification)"},
	"baichuan": {newBaichuan, "Baichuan 1 and 2: 7B (rotary), 13B (ALiBi)"},
	"chatglm":  {newChatGLM, "ChatGLM 3, GLM-4 9B"},
	"gemma2":   {newGemma2, "Gemma 2"},
	"gemma3":   {newGemma3, "Gemma 3 (text)"},
	"glm4":     {newGLM4, "GLM-4-0414"},
	"gpt2":     {newGPT2, "GPT-2"},
	"gptneox":  {newGPTNeoX, "GPT-NeoX, Pythia"},
	"granite":  {newGranite, "Granite 3 (IBM), without experts"},
	"llama":    {newLlama, "Llama 1 to 3, TinyLlama, SmolLM 1 and 2, Mistral (window), Mixtral (experts)"},
	"phi3":     {newPhi3, "Phi-3, Phi-3.5 and Phi-4 mini (LongRoPE)"},
	"qwen2":    {newQwen2, "Qwen2, Qwen2.5"},
	"qwen3":    {newQwen3, "Qwen3"},
	"qwen3moe": {newQwen3, "Qwen3-MoE"},
	"smollm3":  {newSmolLM3, "SmolLM3"},
	"t5":       {newT5, "T5 v1.0 and v1.1, Flan-T5 (text to text)"},
}

// Family says in words which models of an architecture are meant.
type Family struct {
	Architecture string // general.architecture in GGUF
	Models       string
}

// Families lists what can run, by architecture.
func Families() (all []Family) {
	for _, name := range Architectures() {
		all = append(all, Family{name, architectures[name].models})
	}
	return all
}

// Load binds the tensors of f to the architecture that its metadata names. f
// must stay open as long as the model is used.
func Load(f *gguf.File) (Model, error) {
	name, err := f.String("general.architecture")
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	a, ok := architectures[name]
	if !ok {
		return nil, fmt.Errorf("model: %s: architecture %q is not supported (supported: %s)", f.Name(), name, strings.Join(Architectures(), ", "))
	}
	s := newSource(f, name)
	c, d := a.bind(s)
	if err := s.done(); err != nil {
		return nil, fmt.Errorf("model: %s: %w", f.Name(), err)
	}
	return newNetwork(c, s.ropes, d), nil
}

// Architectures lists what can run, by the names of general.architecture.
func Architectures() []string { return slices.Sorted(maps.Keys(architectures)) }
