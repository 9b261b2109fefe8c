package grammar

import (
	"errors"
	"fmt"
)

// Bounds. What would exceed one is an error, or, at a token, a token that is
// not allowed.
const (
	// MaxSource is the largest grammar or schema, in bytes.
	MaxSource = 1 << 20
	// MaxNesting is how deep groups of a grammar or values of a schema may lie in
	// each other.
	MaxNesting = 256
	// MaxRepeat is the largest number in a repetition. Most repetitions need
	// states in proportion to it and meet MaxNodes long before; those of single
	// characters do not.
	MaxRepeat = 1 << 30
	// MaxNodes is the number of states of all rules together.
	MaxNodes = 1 << 17
	// MaxRules is the number of rules, with those that a schema is turned into.
	MaxRules = 1 << 14
	// MaxStacks is in how many ways a text may be read at once. Further ways are
	// forgotten, so that fewer texts are allowed, never more.
	MaxStacks = 512
	// MaxDepth is how deep the rules of a text may lie in each other. A token that
	// would go deeper is not allowed.
	MaxDepth = 512
	// MaxToken is the longest token, in bytes. Longer ones are never allowed.
	MaxToken = 1 << 10
)

// Bounds on what comes up on the way to an automaton.
const (
	maxParts = 1 << 20 // nodes and edges of nondeterministic automata
	maxWork  = 1 << 25 // nodes looked at in making them deterministic
	maxEdges = 1 << 21 // actions and returns of the finished one
)

var errTooLarge = fmt.Errorf("grammar: it needs more than %d states, or too many transitions; make repetitions, literals or alternatives fewer", MaxNodes)

var errNoText = errors.New("grammar: no finite text fulfils it")
