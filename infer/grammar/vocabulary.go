package grammar

import (
	"sync"
)

// Vocabulary is a model's tokens as the machines read them. It is made once per
// model and may be shared: it holds the tokens' bytes by reference and, beside
// them, at most 11 bytes for each byte of token text (about 4 MB for 128 k
// tokens), and a cache of at most 32 MB.
type Vocabulary struct {
	tokens  [][]byte
	end     []int32 // sorted
	trie    *trie
	longest int // token, in bytes
	leaves  cache[leafKey]
}

// NewVocabulary makes a vocabulary of the tokens' bytes, by id, and the ids that
// end an answer. Tokens that are no text of an answer (control tokens, unused
// ones) have no bytes; they are never allowed, unless they end it.
func NewVocabulary(tokens [][]byte, end []int32) *Vocabulary {
	v := &Vocabulary{tokens: tokens}
	isEnd := make(map[int32]bool, len(end))
	for _, id := range end {
		if id >= 0 && int(id) < len(tokens) && !isEnd[id] {
			isEnd[id] = true
			v.end = append(v.end, id)
		}
	}
	var entries []entry
	for id, text := range tokens {
		if len(text) > 0 && len(text) <= MaxToken && !isEnd[int32(id)] {
			entries = append(entries, entry{text, int32(id)})
			v.longest = max(v.longest, len(text))
		}
	}
	v.trie = newTrie(entries)
	v.leaves.limit = cacheBytes
	return v
}

// Words is the number of words that a mask has: a bit for each token.
func (v *Vocabulary) Words() int { return (len(v.tokens) + 63) / 64 }

// Compile makes a machine that reads a grammar's texts in tokens. It takes
// microseconds: masks are found when they are first needed.
func (v *Vocabulary) Compile(g *Grammar) *Machine {
	m := &Machine{program: g.program, vocabulary: v}
	m.nodes.limit = cacheBytes
	return m
}

// Machine is a grammar on a vocabulary. It may be shared; its cache of masks
// takes at most 32 MB.
type Machine struct {
	program    *program
	vocabulary *Vocabulary
	nodes      cache[nodeKey]
}

// cacheBytes bounds a cache of masks.
const cacheBytes = 32 << 20

// cache keeps what was found out about nodes. When it is full it starts anew.
type cache[K comparable] struct {
	mu    sync.RWMutex // guards found and bytes
	found map[K]*local
	bytes int
	limit int
}

func (c *cache[K]) get(key K) *local {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.found[key]
}

func (c *cache[K]) put(key K, l *local) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := l.size()
	if c.found == nil || c.bytes+size > c.limit {
		c.found, c.bytes = map[K]*local{}, 0
	}
	c.found[key] = l
	c.bytes += size
}
