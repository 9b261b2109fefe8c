package iot

import "sync"

// window is how many finished questions are remembered. MQTT delivers at least
// once, and a repetition comes soon.
const window = 256

// memory knows the questions that are being answered and those that were
// lately. Safe for concurrent use.
type memory struct {
	mu    sync.Mutex // guards the fields below
	known map[string]*turn
	ended []string // ids of ended turns, oldest first
}

// turn is one question's way to its answer.
type turn struct {
	over  chan struct{} // closed at the end
	final *Answer       // read only after over is closed; nil: given up
}

func newMemory() *memory { return &memory{known: map[string]*turn{}} }

// begin returns the turn of id and whether it is new, and so the caller's to end.
func (m *memory) begin(id string) (*turn, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.known[id]; t != nil {
		return t, false
	}
	t := &turn{over: make(chan struct{})}
	m.known[id] = t
	return t, true
}

// forget lets the question be asked anew, while this turn goes to its end.
func (m *memory) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, id)
}

// end closes the turn, which is remembered if it has an answer and was not
// forgotten before. A nil final means that it was given up.
func (m *memory) end(id string, t *turn, final *Answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.final = final
	close(t.over)
	if m.known[id] != t {
		return
	}
	if final == nil {
		delete(m.known, id)
		return
	}
	m.ended = append(m.ended, id)
	if len(m.ended) > window {
		delete(m.known, m.ended[0])
		m.ended = m.ended[1:]
	}
}

// correct replaces the answer of an ended question.
func (m *memory) correct(id string, final Answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.known[id]
	if t == nil {
		return
	}
	select {
	case <-t.over:
		over := make(chan struct{})
		close(over)
		m.known[id] = &turn{over: over, final: &final} // never write to one that readers hold
	default:
	}
}
