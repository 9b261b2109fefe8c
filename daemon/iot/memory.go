package iot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"

	"github.com/a472be26/cusp/router"
)

// window is how many finished questions are remembered. MQTT delivers at least
// once, and a repetition comes soon.
const window = 256

// memory knows the questions that are being answered and those that were
// lately. Safe for concurrent use.
type memory struct {
	mu    sync.Mutex       // guards the fields below
	known map[string]*turn // by keyOf
	ended []string         // keys of ended turns, oldest first
}

// turn is one question's way to its answer.
type turn struct {
	key   string
	over  chan struct{} // closed at the end
	final *Answer       // read only after over is closed; nil: given up
}

func newMemory() *memory { return &memory{known: map[string]*turn{}} }

// keyOf identifies a question by id and content: an id that an application uses
// again for something else is another question.
func keyOf(q router.Question) string {
	content, _ := json.Marshal(router.Question{Messages: q.Messages, Options: q.Options}) // was decoded from JSON
	sum := sha256.Sum256(content)
	return q.ID + "/" + hex.EncodeToString(sum[:8])
}

// begin returns the turn of a question and whether it is new, and so the
// caller's to end.
func (m *memory) begin(q router.Question) (*turn, bool) {
	key := keyOf(q)
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.known[key]; t != nil {
		return t, false
	}
	t := &turn{key: key, over: make(chan struct{})}
	m.known[key] = t
	return t, true
}

// forget lets the question be asked anew, while this turn goes to its end.
func (m *memory) forget(t *turn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, t.key)
}

// end closes the turn, which is remembered if it has an answer and was not
// forgotten before. A nil final means that it was given up.
func (m *memory) end(t *turn, final *Answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.final = final
	close(t.over)
	if m.known[t.key] != t {
		return
	}
	if final == nil {
		delete(m.known, t.key)
		return
	}
	m.ended = append(m.ended, t.key)
	if len(m.ended) > window {
		delete(m.known, m.ended[0])
		m.ended = m.ended[1:]
	}
}

// find returns the turn of a question, nil for one that is not known.
func (m *memory) find(q router.Question) *turn {
	key := keyOf(q)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[key]
}

// correct replaces the answer of an ended question.
func (m *memory) correct(q router.Question, final Answer) {
	key := keyOf(q)
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.known[key]
	if t == nil {
		return
	}
	select {
	case <-t.over:
		over := make(chan struct{})
		close(over)
		m.known[key] = &turn{key: key, over: over, final: &final} // never write to one that readers hold
	default:
	}
}
