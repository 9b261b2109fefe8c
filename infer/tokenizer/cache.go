package tokenizer

import (
	"strings"
	"sync/atomic"
)

// pieceCache remembers what pieces that are no tokens were merged into. A few
// names and rare words make up most of them in any text. Pieces with the same
// slot replace each other, so that its size is bounded.
type pieceCache [cacheSlots]atomic.Pointer[cachedPiece]

type cachedPiece struct {
	piece string
	ids   []int32
}

const (
	cacheSlots = 1 << 12
	// maxCached is the size of the longest piece that is kept; a cache takes a
	// megabyte at most.
	maxCached = 40
)

func (c *pieceCache) slot(hash uint64) *atomic.Pointer[cachedPiece] { return &c[hash>>32%cacheSlots] }

func (c *pieceCache) find(hash uint64, piece string) ([]int32, bool) {
	if p := c.slot(hash).Load(); p != nil && p.piece == piece {
		return p.ids, true
	}
	return nil, false
}

func (c *pieceCache) keep(hash uint64, piece string, ids []int32) {
	if len(piece) <= maxCached {
		c.slot(hash).Store(&cachedPiece{strings.Clone(piece), append([]int32(nil), ids...)})
	}
}
