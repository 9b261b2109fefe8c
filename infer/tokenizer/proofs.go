package tokenizer

import "sync/atomic"

// proofs remembers of each token whether merging its text gives the token, which
// is found out when it is first asked for. Most pieces of a text are tokens, and
// with this they need no merging.
type proofs []atomic.Uint32

// Two bits for each token.
const (
	proofKnown = 1
	proofHolds = 2
	proofsEach = 16 // tokens in an element
)

func newProofs(tokens int) proofs { return make(proofs, tokens/proofsEach+1) }

func (p proofs) holds(id int32, find func() bool) bool {
	at, shift := &p[id/proofsEach], 2*(id%proofsEach)
	if proof := at.Load() >> shift; proof&proofKnown != 0 {
		return proof&proofHolds != 0
	}
	proof, holds := uint32(proofKnown), find()
	if holds {
		proof |= proofHolds
	}
	at.Or(proof << shift)
	return holds
}
