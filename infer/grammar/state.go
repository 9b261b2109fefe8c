package grammar

import (
	"errors"
	"fmt"
	"slices"
)

// State is how far a text has come. It belongs to one sequence and must not be
// used by two goroutines at once.
type State struct {
	machine *Machine
	stacks  []stack // ways to read the text so far, each once
	ended   bool    // by an end token
	frames  frames
	walker
}

// stack is a node and the returns below it.
type stack struct {
	node  int32
	count int32 // turns of the node's loop that are done
	under int32 // frame
}

// frame is a node that the rules above it return to.
type frame struct {
	node, under   int32
	depth         int32
	ends          bool  // the text may end if the rules above end here
	child, beside int32 // frames on this one; its neighbour on the one below
}

// frames are all stacks' frames, each one once. Frame 0 is below all.
type frames []frame

var bottom = frame{node: none, under: none, ends: true, child: none, beside: none}

// on is the frame of a node on another frame.
func (f *frames) on(p *program, under, node int32) int32 {
	all := *f
	for at := all[under].child; at != none; at = all[at].beside {
		if all[at].node == node {
			return at
		}
	}
	at := int32(len(all))
	*f = append(all, frame{
		node: node, under: under, depth: all[under].depth + 1,
		ends:  p.nodes[node].accept && all[under].ends,
		child: none, beside: all[under].child,
	})
	(*f)[under].child = at
	return at
}

// cut takes back the latest frames.
func (f *frames) cut(length int) {
	all := *f
	for i := len(all) - 1; i >= length; i-- {
		all[all[i].under].child = all[i].beside
	}
	*f = all[:length]
}

// Start is the state before the first token.
func (m *Machine) Start() *State {
	s := &State{machine: m}
	s.walker.init(m.program, &s.frames)
	s.Reset()
	return s
}

// Reset goes back to before the first token.
func (s *State) Reset() {
	s.ended = false
	s.frames = append(s.frames[:0], bottom)
	s.stacks = append(s.stacks[:0], stack{node: s.machine.program.start})
}

// Clone is a copy that goes its own way.
func (s *State) Clone() *State {
	c := &State{machine: s.machine}
	c.walker.init(s.machine.program, &c.frames)
	c.CopyFrom(s)
	return c
}

// CopyFrom makes the state equal to another one of the same machine.
func (s *State) CopyFrom(other *State) {
	s.ended = other.ended
	s.stacks = append(s.stacks[:0], other.stacks...)
	s.frames = append(s.frames[:0], other.frames...)
}

// Done reports whether the text may end here.
func (s *State) Done() bool {
	if s.machine.program.empty && s.fresh() {
		return true
	}
	return s.finished(s.stacks)
}

// fresh reports whether nothing has come yet. No node but the start is one: the
// start of a rule that fits the empty text is not come back to.
func (s *State) fresh() bool {
	return len(s.stacks) == 1 && s.stacks[0] == stack{node: s.machine.program.start}
}

// Ended reports whether an end token has come.
func (s *State) Ended() bool { return s.ended }

// Reasons why a token cannot come, for errors.Is.
var (
	ErrToken = errors.New("the grammar does not allow it here")
	ErrEnded = errors.New("the text has ended")
)

// Accept goes on by a token. After an error the state is as before.
func (s *State) Accept(token int32) error {
	v := s.machine.vocabulary
	if token < 0 || int(token) >= len(v.tokens) {
		return fmt.Errorf("grammar: token %d: the vocabulary has %d", token, len(v.tokens))
	}
	if slices.Contains(v.end, token) {
		if s.ended || !s.Done() {
			return fmt.Errorf("grammar: token %d, an end: %w", token, s.refusal())
		}
		s.ended = true
		return nil
	}
	if text := v.tokens[token]; len(text) == 0 || len(text) > MaxToken || s.ended || !s.advance(text) {
		return fmt.Errorf("grammar: token %d, %.40q: %w", token, text, s.refusal())
	}
	return nil
}

// AcceptText goes on by bytes, whatever tokens they come in. After an error the
// state is as before.
func (s *State) AcceptText(text []byte) error {
	if len(text) > 0 && (s.ended || !s.advance(text)) {
		return fmt.Errorf("grammar: text %.40q: %w", text, s.refusal())
	}
	return nil
}

func (s *State) refusal() error {
	if s.ended {
		return ErrEnded
	}
	return ErrToken
}

// manyFrames is from how many frames on those that are not used any more are
// dropped.
const manyFrames = 1 << 12

func (s *State) advance(text []byte) bool {
	length := len(s.frames)
	if !s.run(s.stacks, text) {
		s.frames.cut(length)
		return false
	}
	s.stacks = append(s.stacks[:0], s.result()...)
	if len(s.frames) > manyFrames {
		s.collect()
	}
	return true
}

// collect keeps only the frames that the stacks are on.
func (s *State) collect() {
	old := slices.Clone(s.frames)
	number := make([]int32, len(old)) // 0: not kept yet, and the bottom
	s.frames = append(s.frames[:0], bottom)
	var keep func(at int32) int32
	keep = func(at int32) int32 {
		if at != 0 && number[at] == 0 {
			number[at] = s.frames.on(s.machine.program, keep(old[at].under), old[at].node)
		}
		return number[at]
	}
	for i := range s.stacks {
		s.stacks[i].under = keep(s.stacks[i].under)
	}
}

// Forced appends the bytes that must come next, as far as there is only one
// possibility, at most MaxToken of them. The state stays where it is.
func (s *State) Forced(dst []byte) []byte {
	if s.ended || s.Done() {
		return dst
	}
	length := len(s.frames)
	defer s.frames.cut(length)
	s.begin(s.stacks)
	for range MaxToken {
		b, only := s.only()
		if !only || !s.step(b) {
			break
		}
		dst = append(dst, b)
		if s.finished(s.result()) {
			break
		}
	}
	return dst
}
